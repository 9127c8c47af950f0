-- Hours by slot add up to the shifts' spans as far as they were observed, arrivals to the tickets that customers
-- opened.
with shifts as (
    select * from {{ ref('input_support__shifts') }}
    where deleted_at is null
),

queues as (
    select * from {{ ref('int_roster__queues') }}
),

arrivals as (
    select * from {{ ref('int_roster__arrivals') }}
),

spans as (
    select
        sum(greatest(
            epoch_us(least(shifts.planned_end_at, queues.observed_end_at)) - epoch_us(shifts.planned_start_at), 0
        )) / 3.6e9 as planned_agent_hours,
        sum(case
            when shifts.actual_start_at is not null and shifts.actual_end_at is not null
                then greatest(
                    epoch_us(least(shifts.actual_end_at, queues.observed_end_at)) - epoch_us(shifts.actual_start_at), 0
                )
        end) / 3.6e9 as actual_agent_hours
    from shifts
    inner join queues on shifts.queue = queues.queue
),

slots as (
    select
        sum(planned_agent_hours) as planned_agent_hours,
        sum(actual_agent_hours) as actual_agent_hours,
        sum(n_arrivals) as n_arrivals
    from {{ ref('roster_shifts') }}
),

final as (
    select
        spans.*,
        slots.planned_agent_hours as planned_agent_hours_by_slot,
        slots.actual_agent_hours as actual_agent_hours_by_slot
    from spans
    cross join slots
    where
        abs(coalesce(spans.planned_agent_hours, 0) - coalesce(slots.planned_agent_hours, 0)) > 1e-6
        or abs(coalesce(spans.actual_agent_hours, 0) - coalesce(slots.actual_agent_hours, 0)) > 1e-6
        or coalesce((select sum(arrivals.n_arrivals) from arrivals), 0) <> coalesce(slots.n_arrivals, 0)
)

select * from final
