with final as (
    select
        source_id,
        revenue_id,
        customer_id,
        account_id,
        brand_id,
        occurred_at,
        kind,
        amount,
        currency,
        amount_base,
        net_amount_base,
        base_currency,
        is_purchase,
        customer_purchase_number,
        account_purchase_number,
        is_repeat_purchase,
        is_after_observation
    from {{ ref('int_crm__revenue') }}
)

select * from final
