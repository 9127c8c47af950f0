with final as (
    select
        source_id,
        subscription_id,
        customer_id,
        account_id,
        brand_id,
        started_at,
        renews_at,
        ended_at,
        planned_end_at,
        status,
        mrr,
        currency,
        mrr_base,
        base_currency,
        is_churned,
        tenure_calendar_days,
        is_after_observation
    from {{ ref('int_crm__subscriptions') }}
)

select * from final
