-- A target is due no earlier than it came into force, and missed only while it was.
select
    source_id,
    ticket_id,
    metric,
    instance_number,
    period_number,
    starts_at,
    ends_at,
    due_at,
    breached_at
from {{ ref('fct_sla_targets') }}
where
    due_at < starts_at
    or breached_at <> due_at
    or (breached_at is not null and due_at is null)
    or breached_at >= ends_at
