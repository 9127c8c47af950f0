-- Target periods: stretches in which one instance of a metric ran under one target. A pause does not end a period;
-- a change of the target does, and so does time that ran without one.
{% set target = ['policy_id', 'priority', 'target_seconds', 'is_business_hours', 'schedule_id'] %}
{% set instance = ['source_id', 'ticket_id', 'metric', 'instance_number'] %}
with runs as (
    select * from {{ ref('int_sla__runs') }}
),

terms as (
    select * from {{ ref('int_sla__ticket_terms') }}
),

targets as (
    select * from {{ ref('int_sla__targets_in_force') }}
),

schedules as (
    select distinct
        source_id,
        schedule_id
    from {{ ref('input_support__schedules') }}
    where deleted_at is null
),

-- What holds at a run's start counts for it too if the run takes no time at all.
runs_on_terms as (
    select
        runs.* exclude (starts_at),
        terms.brand_id,
        terms.queue,
        terms.sla_policy_id,
        terms.priority,
        terms.schedule_id,
        runs.starts_at as run_starts_at,
        case when terms.starts_at > runs.starts_at then terms.starts_at else runs.starts_at end as starts_at,
        case when terms.ends_at < runs.measured_until then terms.ends_at else runs.measured_until end as stops_at
    from runs
    inner join terms
        on
            runs.source_id = terms.source_id
            and runs.ticket_id = terms.ticket_id
            and (runs.starts_at >= terms.starts_at or runs.measured_until > terms.starts_at)
            and (terms.ends_at is null or runs.starts_at < terms.ends_at)
),

pieces as (
    select
        pieces.* exclude (schedule_id, starts_at, stops_at),
        targets.policy_id,
        targets.target_seconds,
        targets.is_business_hours,
        case when targets.is_business_hours then coalesce(targets.schedule_id, pieces.schedule_id) end as schedule_id,
        case when targets.starts_at > pieces.starts_at then targets.starts_at else pieces.starts_at end as starts_at,
        case when targets.ends_at < pieces.stops_at then targets.ends_at else pieces.stops_at end as stops_at
    from runs_on_terms as pieces
    inner join targets
        on
            pieces.source_id = targets.source_id
            and pieces.brand_id = targets.brand_id
            and pieces.queue is not distinct from targets.queue
            and pieces.sla_policy_id is not distinct from targets.sla_policy_id
            and pieces.priority = targets.priority
            and pieces.metric = targets.metric
            and (pieces.starts_at >= targets.starts_at or pieces.stops_at > targets.starts_at)
            and (targets.ends_at is null or pieces.starts_at < targets.ends_at)
),

-- Business time in a schedule that nobody knows can't be told.
scheduled as (
    select pieces.* replace (schedules.schedule_id as schedule_id)
    from pieces
    left join schedules
        on pieces.source_id = schedules.source_id and pieces.schedule_id = schedules.schedule_id
),

marked as (
    select
        *,
        coalesce(
            case run_number - lag(run_number) over in_order
                when 0 then starts_at = lag(stops_at) over in_order
                when 1 then
                    starts_at = run_starts_at
                    and lag(stops_at) over in_order = lag(measured_until) over in_order
            end
            {% for column in target %}
                and {{ column }} is not distinct from lag({{ column }}) over in_order
            {% endfor %},
            false
        ) as continues
    from scheduled
    window in_order as (
        partition by {{ instance | join(', ') }}
        order by run_number, starts_at
    )
),

numbered as (
    select
        *,
        count(*) filter (where not continues) over (
            partition by {{ instance | join(', ') }}
            order by run_number, starts_at
            rows unbounded preceding
        ) as period_number
    from marked
),

final as (
    select
        {{ instance | join(', ') }},
        period_number,
        any_value(turn_id) as turn_id,
        any_value(brand_id) as brand_id,
        {% for column in target %}
            any_value({{ column }}) as {{ column }},
        {% endfor %}
        min(starts_at) as starts_at,
        max(stops_at) as stops_at,
        -- A wait for a reply would have gone on without it; a status clock stands from the moment its status is left.
        max(stops_at) < max(measured_until) or bool_or(ends_at is null) or metric in ('first_reply', 'next_reply')
            as runs_on,
        bool_or(is_last_run and stops_at = measured_until) as is_in_force_at_end,
        bool_or(ends_at is null and stops_at = measured_until) as is_running,
        any_value(over_at) as over_at,
        any_value(fulfilled_at) as fulfilled_at
    from numbered
    group by {{ instance | join(', ') }}, period_number
)

select * from final
