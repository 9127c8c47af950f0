-- Readings of each ticket's business clock at every instant that a measure starts or ends with: how much business
-- time passed before it, across all schedules in force on the ticket. Tickets without a schedule have none.
with schedule_intervals as (
    select * from {{ ref('int_support__schedule_intervals') }}
),

open_intervals as (
    select * from {{ ref('int_calendar__open_intervals') }}
),

field_intervals as (
    select * from {{ ref('int_support__field_intervals') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
),

replies as (
    select * from {{ ref('int_support__replies') }}
),

turns as (
    select * from {{ ref('int_conversations__turns') }}
    where ticket_id is not null
),

instants as (
    select
        source_id,
        ticket_id,
        unnest([created_at, asked_at, observed_end_at]) as read_at
    from openings
    union
    select
        source_id,
        ticket_id,
        unnest([first_human_reply_at, first_any_reply_at]) as read_at
    from replies
    union
    select
        source_id,
        ticket_id,
        unnest([starts_at, ends_at]) as read_at
    from field_intervals
    union
    select
        source_id,
        ticket_id,
        unnest([asked_at, human_replied_at, any_replied_at, observed_end_at]) as read_at
    from turns
),

scheduled_instants as (
    select instants.*
    from instants
    semi join schedule_intervals
        on instants.source_id = schedule_intervals.source_id and instants.ticket_id = schedule_intervals.ticket_id
    where instants.read_at is not null
),

in_force as (
    select
        instants.source_id,
        instants.ticket_id,
        instants.read_at,
        schedule_intervals.schedule_id,
        case
            when instants.read_at > schedule_intervals.ends_at then schedule_intervals.ends_at
            else instants.read_at
        end as measured_until,
        schedule_intervals.starts_at,
        schedule_intervals.open_microseconds_at_start,
        schedule_intervals.business_microseconds_before,
        schedule_intervals.scheduled_microseconds_before
    from scheduled_instants as instants
    asof left join schedule_intervals
        on
            instants.source_id = schedule_intervals.source_id
            and instants.ticket_id = schedule_intervals.ticket_id
            and instants.read_at >= schedule_intervals.starts_at
),

final as (
    select
        in_force.source_id,
        in_force.ticket_id,
        in_force.read_at,
        -- Before the first schedule the clock stands at zero.
        coalesce(
            in_force.business_microseconds_before
            + {{ open_microseconds('open_intervals', 'in_force.measured_until') }}
            - in_force.open_microseconds_at_start,
            0
        ) as business_microseconds,
        coalesce(
            in_force.scheduled_microseconds_before
            + epoch_us(in_force.measured_until)
            - epoch_us(in_force.starts_at),
            0
        ) as scheduled_microseconds
    from in_force
    asof left join open_intervals
        on
            in_force.source_id = open_intervals.source_id
            and in_force.schedule_id = open_intervals.schedule_id
            and in_force.measured_until >= open_intervals.opens_at
)

select * from final
