{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- Which schedule was in force on a ticket when, with the ticket's business time passed before each interval.
-- The first also holds for what came before the ticket was created.
with intervals as (
    select * from {{ touched(ref('int_support__field_intervals'), by='tickets') }}
    where field = 'schedule_id' and (ends_at is null or starts_at < ends_at)
),

schedules as (
    select distinct
        source_id,
        schedule_id
    from {{ ref('input_support__schedules') }}
    where deleted_at is null
),

tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

open_intervals as (
    select * from {{ ref('int_calendar__open_intervals') }}
),

in_force as (
    select
        intervals.source_id,
        intervals.ticket_id,
        schedules.schedule_id,
        case
            when intervals.starts_at = tickets.created_at then timestamptz '1990-01-01 00:00:00+00'
            else intervals.starts_at
        end as starts_at,
        intervals.ends_at,
        coalesce(intervals.ends_at, tickets.observed_end_at) as measured_until
    from intervals
    inner join schedules
        on intervals.source_id = schedules.source_id and intervals.field_value = schedules.schedule_id
    inner join tickets
        on intervals.source_id = tickets.source_id and intervals.ticket_id = tickets.ticket_id
),

opened as (
    select
        in_force.*,
        {{ open_microseconds('open_intervals', 'in_force.starts_at') }} as open_microseconds_at_start
    from in_force
    asof left join open_intervals
        on
            in_force.source_id = open_intervals.source_id
            and in_force.schedule_id = open_intervals.schedule_id
            and in_force.starts_at >= open_intervals.opens_at
),

closed as (
    select
        opened.*,
        {{ open_microseconds('open_intervals', 'opened.measured_until') }} - opened.open_microseconds_at_start
            as open_microseconds,
        epoch_us(opened.measured_until) - epoch_us(opened.starts_at) as calendar_microseconds
    from opened
    asof left join open_intervals
        on
            opened.source_id = open_intervals.source_id
            and opened.schedule_id = open_intervals.schedule_id
            and opened.measured_until >= open_intervals.opens_at
),

final as (
    select
        source_id,
        ticket_id,
        schedule_id,
        starts_at,
        ends_at,
        open_microseconds_at_start,
        coalesce(sum(open_microseconds) over earlier, 0)::bigint as business_microseconds_before,
        coalesce(sum(calendar_microseconds) over earlier, 0)::bigint as scheduled_microseconds_before
    from closed
    window earlier as (
        partition by source_id, ticket_id
        order by starts_at
        rows between unbounded preceding and 1 preceding
    )
)

select * from final
