{#- CTEs that read tickets' business clocks. Expects the CTEs `schedule_intervals`, `open_intervals` and
    `instants(source_id, ticket_id, read_at)`; adds `readings` with the business time and the time under any
    schedule that passed before each instant. Tickets that never had a schedule have no clock; before the first
    schedule a clock stands at zero. -#}
{% macro clock_readings() -%}
scheduled_instants as (
    select instants.*
    from instants
    semi join schedule_intervals
        on instants.source_id = schedule_intervals.source_id and instants.ticket_id = schedule_intervals.ticket_id
    where instants.read_at is not null
),

in_force as (
    select
        scheduled_instants.source_id,
        scheduled_instants.ticket_id,
        scheduled_instants.read_at,
        schedule_intervals.schedule_id,
        schedule_intervals.starts_at,
        schedule_intervals.open_microseconds_at_start,
        schedule_intervals.business_microseconds_before,
        schedule_intervals.scheduled_microseconds_before,
        case
            when scheduled_instants.read_at > schedule_intervals.ends_at then schedule_intervals.ends_at
            else scheduled_instants.read_at
        end as measured_until
    from scheduled_instants
    asof left join schedule_intervals
        on
            scheduled_instants.source_id = schedule_intervals.source_id
            and scheduled_instants.ticket_id = schedule_intervals.ticket_id
            and scheduled_instants.read_at >= schedule_intervals.starts_at
),

readings as (
    select
        in_force.source_id,
        in_force.ticket_id,
        in_force.read_at,
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
{%- endmacro %}
