select
    source_id,
    shift_id,
    agent_id,
    queue,
    planned_start_at,
    planned_end_at,
    skill,
    actual_start_at,
    actual_end_at,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_shifts') }}
