with shifts as (
    select * from {{ ref('roster_shifts') }}
),

turns as (
    select * from {{ ref('episode_turns') }}
    where queue is not null
),

queue_shifts as (
    select
        queue,
        brand_id,
        count(*) as n_shifts,
        count(*) filter (where planned_agent_hours > 0) as n_planned_shifts,
        count(*) filter (where is_zero_actual) as n_zero_actual_shifts,
        count(*) filter (where is_incident) as n_incident_shifts,
        {{ exact_sum('planned_agent_hours') }} as planned_agent_hours,
        {{ exact_sum('actual_agent_hours') }} as actual_agent_hours,
        sum(n_arrivals)::bigint as n_arrivals
    from shifts
    group by queue, brand_id
),

queue_turns as (
    select
        queue,
        count(*) as n_turns,
        count(shortfall) as n_instrumented_turns,
        count(*) filter (where is_incident) as n_incident_turns
    from turns
    group by queue
),

final as (
    select
        queue_shifts.*,
        coalesce(queue_turns.n_turns, 0) as n_turns,
        coalesce(queue_turns.n_instrumented_turns, 0) as n_instrumented_turns,
        coalesce(queue_turns.n_incident_turns, 0) as n_incident_turns
    from queue_shifts
    left join queue_turns on queue_shifts.queue = queue_turns.queue
)

select * from final
