-- When a schedule is open, as one number that changes with an edit of its hours or holidays. The calendar's ends,
-- which move with as_of, do not count.
with hours as (
    select * from {{ ref('input_support__schedules') }}
),

holidays as (
    select * from {{ ref('input_support__holidays') }}
),

parts as (
    select
        source_id,
        schedule_id,
        hash(hours) as part
    from hours
    union all
    select
        source_id,
        schedule_id,
        hash(holidays) as part
    from holidays
),

final as (
    select
        source_id,
        schedule_id,
        sum(part) as fingerprint
    from parts
    group by source_id, schedule_id
)

select * from final
