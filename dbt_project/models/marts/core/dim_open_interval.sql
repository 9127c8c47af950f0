with final as (
    select
        source_id,
        schedule_id,
        opens_at,
        closes_at
    from {{ ref('int_calendar__open_intervals') }}
)

select * from final
