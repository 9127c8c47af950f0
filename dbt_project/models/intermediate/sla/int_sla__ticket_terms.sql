-- What decides a ticket's targets, as intervals [starts_at, ends_at) in which none of it changed: the policy that
-- the ticket names, queue, priority and schedule. The first also holds for what came before the ticket was created.
with runs as (
    select * from {{ ref('int_sla__runs') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

field_intervals as (
    select
        source_id,
        ticket_id,
        field,
        field_value,
        case when interval_number = 1 then timestamptz '1990-01-01 00:00:00+00' else starts_at end as starts_at,
        ends_at
    from {{ ref('int_support__field_intervals') }}
    where field in ('sla_policy_id', 'queue', 'priority', 'schedule_id')
),

timed_intervals as (
    select field_intervals.*
    from field_intervals
    semi join runs
        on field_intervals.source_id = runs.source_id and field_intervals.ticket_id = runs.ticket_id
),

instants as (
    select distinct
        source_id,
        ticket_id,
        starts_at
    from timed_intervals
),

spans as (
    select
        source_id,
        ticket_id,
        starts_at,
        lead(starts_at) over (partition by source_id, ticket_id order by starts_at) as ends_at
    from instants
),

final as (
    select
        spans.source_id,
        spans.ticket_id,
        spans.starts_at,
        spans.ends_at,
        tickets.brand_id,
        {% for field in ['sla_policy_id', 'queue', 'priority', 'schedule_id'] %}
            max(timed_intervals.field_value) filter (where timed_intervals.field = '{{ field }}') as {{ field }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from spans
    inner join tickets
        on spans.source_id = tickets.source_id and spans.ticket_id = tickets.ticket_id
    inner join timed_intervals
        on
            spans.source_id = timed_intervals.source_id
            and spans.ticket_id = timed_intervals.ticket_id
            and spans.starts_at >= timed_intervals.starts_at
            and (timed_intervals.ends_at is null or spans.starts_at < timed_intervals.ends_at)
    group by all
)

select * from final
