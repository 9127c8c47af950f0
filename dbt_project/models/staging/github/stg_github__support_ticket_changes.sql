-- Only the last closing is told: who reopened a ticket in between is in the timeline, which needs a call per ticket.
select
    source_id,
    repository || '#' || number || ':closed' as change_id,
    repository || '#' || number as ticket_id,
    closed_at as changed_at,
    repository || '/' || closed_by_id as actor_id,
    'status' as field,
    'open' as old_value,
    'solved' as new_value,
    html_url as source_url,
    updated_at,
    _deleted_at as deleted_at
from ({{ newest_record(source('github', 'github__issues'), ['repository', 'number'], 'updated_at') }})
where closed_at is not null
