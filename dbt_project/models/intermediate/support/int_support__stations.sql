{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- One row per ticket and stay with a holder: a group or an assignee, and the time with no assignee while somebody
-- waited. Time counts only while the ticket is neither solved nor over.
with intervals as (
    select * from {{ touched(ref('int_support__field_intervals'), by='tickets') }}
    where field in ('assignee_id', 'group_id')
),

waits as (
    select * from {{ touched(ref('int_support__waits'), by='tickets') }}
),

readings as (
    select * from {{ touched(ref('int_support__clock_readings'), by='tickets') }}
    union
    select * from {{ touched(ref('int_support__end_readings'), by='tickets') }}
),

held as (
    select
        intervals.source_id,
        intervals.ticket_id,
        intervals.field,
        intervals.interval_number,
        case when waits.starts_at > intervals.starts_at then waits.starts_at else intervals.starts_at end as starts_at,
        case when intervals.ends_at < waits.measured_until then intervals.ends_at else waits.measured_until end
            as ends_at
    from intervals
    inner join waits
        on
            intervals.source_id = waits.source_id
            and intervals.ticket_id = waits.ticket_id
            and intervals.starts_at < waits.measured_until
            and (intervals.ends_at is null or intervals.ends_at > waits.starts_at)
            -- A stay of no length has no time on either clock, not zero where no schedule was in force.
            and (intervals.ends_at is null or intervals.starts_at < intervals.ends_at)
),

timed as (
    select
        held.source_id,
        held.ticket_id,
        held.field,
        held.interval_number,
        sum({{ seconds_between('held.starts_at', 'held.ends_at') }}::decimal(18, 6)) as calendar_seconds,
        sum(({{ business_seconds('started', 'ended') }})::decimal(18, 6)) as business_seconds
    from held
    left join readings as started
        on
            held.source_id = started.source_id
            and held.ticket_id = started.ticket_id
            and held.starts_at = started.read_at
    left join readings as ended
        on
            held.source_id = ended.source_id
            and held.ticket_id = ended.ticket_id
            and held.ends_at = ended.read_at
    group by all
),

final as (
    select
        intervals.source_id,
        intervals.ticket_id,
        intervals.field,
        intervals.interval_number,
        intervals.field_value as holder_id,
        intervals.previous_value as previous_holder_id,
        intervals.starts_at,
        intervals.ends_at,
        coalesce(timed.calendar_seconds, 0)::double as calendar_seconds,
        timed.business_seconds::double as business_seconds
    from intervals
    left join timed
        on
            intervals.source_id = timed.source_id
            and intervals.ticket_id = timed.ticket_id
            and intervals.field = timed.field
            and intervals.interval_number = timed.interval_number
)

select * from final
