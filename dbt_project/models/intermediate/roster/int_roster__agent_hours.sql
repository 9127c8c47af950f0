-- Agent-hours per slot. A slot is 8 hours by the wall clock, so on days that clocks change it is longer or shorter.
with shifts as (
    select * from {{ ref('input_support__shifts') }}
    where deleted_at is null
),

queues as (
    select * from {{ ref('int_roster__queues') }}
),

-- Who never came has no actual hours.
spans as (
    select
        queue,
        true as is_planned,
        planned_start_at as starts_at,
        planned_end_at as ends_at
    from shifts
    union all
    select
        queue,
        false as is_planned,
        actual_start_at as starts_at,
        actual_end_at as ends_at
    from shifts
    where actual_start_at is not null and actual_end_at is not null
),

-- Nobody can tell who came after the end of observation, so the plan ends there too.
observed as (
    select
        spans.queue,
        spans.is_planned,
        spans.starts_at,
        least(spans.ends_at, queues.observed_end_at) as ends_at,
        queues.time_zone
    from spans
    inner join queues on spans.queue = queues.queue
    where spans.starts_at < least(spans.ends_at, queues.observed_end_at)
),

{% set local_start = slot_start('timezone(time_zone, starts_at)') %}
{% set local_end = slot_start('timezone(time_zone, ends_at)') %}
touched_slots as (
    select
        *,
        unnest(generate_series(
            least({{ local_start }}, {{ local_end }}),
            greatest({{ local_start }}, {{ local_end }}),
            interval 8 hour
        )) as slot_start_local
    from observed
),

bounded as (
    select
        queue,
        slot_start_local,
        is_planned,
        greatest(starts_at, {{ first_instant('slot_start_local', 'time_zone') }}) as starts_at,
        least(ends_at, {{ first_instant('(slot_start_local + interval 8 hour)', 'time_zone') }}) as ends_at
    from touched_slots
),

final as (
    select
        queue,
        slot_start_local,
        coalesce(sum(epoch_us(ends_at) - epoch_us(starts_at)) filter (where is_planned), 0) / 3.6e9
            as planned_agent_hours,
        coalesce(sum(epoch_us(ends_at) - epoch_us(starts_at)) filter (where not is_planned), 0) / 3.6e9
            as actual_agent_hours
    from bounded
    where starts_at < ends_at
    group by queue, slot_start_local
)

select * from final
