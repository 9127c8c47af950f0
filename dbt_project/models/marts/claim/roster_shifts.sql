-- The weeks from a queue's first shift or ticket to its last: what the roster planned, who came, and what
-- arrived. Arrivals are a control; only who was missing moves replies without moving customers.
{% set least_actual_hours = 0.25 %}
with queues as (
    select * from {{ ref('int_roster__queues') }}
),

agent_hours as (
    select * from {{ ref('int_roster__agent_hours') }}
),

arrivals as (
    select * from {{ ref('int_roster__arrivals') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

slots as (
    select
        queue,
        brand_id,
        unnest(generate_series(
            date_trunc('week', timezone(time_zone, first_seen_at))::timestamp,
            date_trunc('week', timezone(time_zone, last_seen_at)) + interval 160 hour,
            interval 8 hour
        )) as slot_start_local
    from queues
    where first_seen_at <= observed_end_at
),

counted as (
    select
        slots.queue,
        slots.brand_id,
        date_trunc('week', slots.slot_start_local)::date as week_start,
        {{ slot_number('slots.slot_start_local') }} as slot,
        coalesce(agent_hours.planned_agent_hours, 0) as planned_agent_hours,
        coalesce(agent_hours.actual_agent_hours, 0) as actual_agent_hours,
        coalesce(arrivals.n_arrivals, 0) as n_arrivals
    from slots
    left join agent_hours
        on slots.queue = agent_hours.queue and slots.slot_start_local = agent_hours.slot_start_local
    left join arrivals
        on slots.queue = arrivals.queue and slots.slot_start_local = arrivals.slot_start_local
    inner join queues on slots.queue = queues.queue
    where timezone(queues.time_zone, queues.observed_end_at) > slots.slot_start_local
),

-- Nothing can be missing where nothing was planned.
measured as (
    select
        *,
        brand_id || '|' || queue || '|' || week_start || '|' || lpad(slot::varchar, 2, '0') as shift_id,
        planned_agent_hours > 0 and actual_agent_hours = 0 as is_zero_actual,
        case when planned_agent_hours > 0 then ln(planned_agent_hours) end as log_planned_hours,
        ln(case when actual_agent_hours > 0 then actual_agent_hours else {{ least_actual_hours }} end)
            as log_actual_hours,
        -- A later message of an old ticket may be the only thing that arrives: one.
        ln(greatest(n_arrivals, 1)) as log_arrivals,
        median(n_arrivals) over (partition by queue, slot) as median_arrivals
    from counted
),

instrumented as (
    select
        measured.*,
        measured.log_planned_hours - measured.log_actual_hours as shortfall,
        case when measured.planned_agent_hours > 0 then measured.log_arrivals - measured.log_actual_hours end
            as load,
        measured.n_arrivals > plan.incident_multiple * greatest(3, measured.median_arrivals) as is_incident
    from measured
    cross join plan
),

final as (
    select
        shifts.shift_id,
        shifts.brand_id,
        shifts.queue,
        shifts.week_start,
        shifts.slot,
        shifts.planned_agent_hours,
        shifts.actual_agent_hours,
        shifts.is_zero_actual,
        shifts.n_arrivals,
        shifts.median_arrivals,
        shifts.is_incident,
        shifts.shortfall,
        shifts.log_arrivals,
        shifts.load,
        next_shifts.shortfall as next_shortfall,
        other_shifts.shortfall as other_shortfall
    from instrumented as shifts
    left join instrumented as next_shifts
        on
            shifts.queue = next_shifts.queue
            and shifts.slot = next_shifts.slot
            and shifts.week_start + 7 = next_shifts.week_start
    left join instrumented as other_shifts
        on
            shifts.queue = other_shifts.queue
            and shifts.week_start = other_shifts.week_start
            and (shifts.slot + 10) % 21 = other_shifts.slot
)

select * from final
