{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- One row per ticket and status interval that someone waited in, on both clocks, up to the end of observation.
with intervals as (
    select * from {{ touched(ref('int_support__status_intervals'), by='tickets') }}
),

tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

readings as (
    select * from {{ touched(ref('int_support__clock_readings'), by='tickets') }}
    union
    select * from {{ touched(ref('int_support__end_readings'), by='tickets') }}
),

bounded as (
    select
        intervals.*,
        coalesce(intervals.ends_at, tickets.observed_end_at) as measured_until
    from intervals
    inner join tickets
        on intervals.source_id = tickets.source_id and intervals.ticket_id = tickets.ticket_id
    where intervals.starts_at < coalesce(intervals.ends_at, tickets.observed_end_at)
),

final as (
    select
        bounded.source_id,
        bounded.ticket_id,
        bounded.interval_number,
        bounded.status,
        bounded.waiting_side,
        bounded.starts_at,
        bounded.measured_until,
        {{ seconds_between('bounded.starts_at', 'bounded.measured_until') }} as calendar_seconds,
        {{ business_seconds('started', 'ended') }} as business_seconds
    from bounded
    left join readings as started
        on
            bounded.source_id = started.source_id
            and bounded.ticket_id = started.ticket_id
            and bounded.starts_at = started.read_at
    left join readings as ended
        on
            bounded.source_id = ended.source_id
            and bounded.ticket_id = ended.ticket_id
            and bounded.measured_until = ended.read_at
    where bounded.waiting_side is not null
)

select * from final
