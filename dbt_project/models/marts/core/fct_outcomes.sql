with final as (
    select
        source_id,
        event_id,
        customer_id,
        brand_id,
        occurred_at,
        kind,
        value,
        unit,
        ticket_id,
        post_id
    from {{ ref('int_outcomes__events') }}
)

select * from final
