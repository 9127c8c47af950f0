-- When each target was, or will be, reached. All that the instance ran for counts, before the target came into force
-- too, on the clock of the period's target; a clock that runs on is projected, one that stands is not.
{% set period = ['source_id', 'ticket_id', 'metric', 'instance_number', 'period_number'] %}
with periods as (
    select * from {{ ref('int_sla__periods') }}
),

runs as (
    select * from {{ ref('int_sla__runs') }}
),

open_intervals as (
    select * from {{ ref('int_calendar__open_intervals') }}
),

counted as (
    select
        {% for column in period %}
            periods.{{ column }},
        {% endfor %}
        periods.starts_at as period_starts_at,
        periods.target_seconds * 1000000 as target_microseconds,
        periods.is_business_hours,
        periods.schedule_id,
        periods.runs_on,
        runs.run_number,
        runs.starts_at,
        case when runs.measured_until < periods.stops_at then runs.measured_until else periods.stops_at end as stops_at
    from periods
    inner join runs
        on
            periods.source_id = runs.source_id
            and periods.ticket_id = runs.ticket_id
            and periods.metric = runs.metric
            and periods.instance_number = runs.instance_number
            and periods.stops_at >= runs.starts_at
),

instants as (
    select distinct
        source_id,
        schedule_id,
        unnest([starts_at, stops_at]) as read_at
    from counted
    where schedule_id is not null
),

readings as (
    select
        instants.*,
        {{ open_microseconds('open_intervals', 'instants.read_at') }} as open_microseconds
    from instants
    asof left join open_intervals
        on
            instants.source_id = open_intervals.source_id
            and instants.schedule_id = open_intervals.schedule_id
            and instants.read_at >= open_intervals.opens_at
),

clocked as (
    select
        counted.*,
        case
            when counted.is_business_hours then at_start.open_microseconds else epoch_us(counted.starts_at)
        end as starts_on_clock,
        case
            when counted.is_business_hours then at_stop.open_microseconds else epoch_us(counted.stops_at)
        end as stops_on_clock
    from counted
    left join readings as at_start
        on
            counted.source_id = at_start.source_id
            and counted.schedule_id = at_start.schedule_id
            and counted.starts_at = at_start.read_at
    left join readings as at_stop
        on
            counted.source_id = at_stop.source_id
            and counted.schedule_id = at_stop.schedule_id
            and counted.stops_at = at_stop.read_at
),

accumulated as (
    select
        *,
        sum(stops_on_clock - starts_on_clock) over in_order as elapsed_microseconds,
        lead(run_number) over in_order is null as is_last_run
    from clocked
    window in_order as (
        partition by {{ period | join(', ') }}
        order by run_number
    )
),

-- The clock's reading at which the target is reached, from the run in which it is or, while it runs on, the last.
reached as (
    select
        {{ period | join(', ') }},
        any_value(period_starts_at) as period_starts_at,
        any_value(is_business_hours) as is_business_hours,
        any_value(schedule_id) as schedule_id,
        max(elapsed_microseconds)::bigint as elapsed_microseconds,
        min_by(stops_on_clock + target_microseconds - elapsed_microseconds, run_number) filter (
            where elapsed_microseconds >= target_microseconds or (is_last_run and runs_on)
        )::bigint as due_on_clock
    from accumulated
    group by {{ period | join(', ') }}
),

-- A target reached as the schedule closes is due at closing, not at the next opening.
due_in_business_hours as (
    select
        reached.*,
        open_intervals.opens_at
        + to_microseconds(reached.due_on_clock - open_intervals.open_microseconds_before) as due_at
    from reached
    asof inner join open_intervals
        on
            reached.source_id = open_intervals.source_id
            and reached.schedule_id = open_intervals.schedule_id
            and reached.due_on_clock > open_intervals.open_microseconds_before
    where
        reached.schedule_id is not null
        and reached.due_on_clock is not null
        -- Not beyond the calendar's end.
        and reached.due_on_clock
        <= {{ open_microseconds('open_intervals', 'open_intervals.closes_at') }}
),

final as (
    select
        {% for column in period %}
            reached.{{ column }},
        {% endfor %}
        reached.elapsed_microseconds / 1e6 as elapsed_seconds,
        case
            -- A target of nothing, before the schedule ever opened.
            when reached.due_on_clock <= 0 then reached.period_starts_at
            when reached.is_business_hours then due_in_business_hours.due_at
            else make_timestamptz(reached.due_on_clock)
        end as reached_at
    from reached
    left join due_in_business_hours
        on
            {% for column in period %}
                reached.{{ column }} = due_in_business_hours.{{ column }}
                {%- if not loop.last %} and{% endif %}
            {% endfor %}
)

select * from final
