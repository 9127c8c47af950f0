with final as (
    select
        source_id,
        event_id,
        source_table,
        customer_id,
        account_id,
        brand_id,
        occurred_at,
        kind,
        value,
        unit,
        ticket_id,
        post_id,
        is_after_observation
    from {{ ref('int_outcomes__events') }}
)

select * from final
