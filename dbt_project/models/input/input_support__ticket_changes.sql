select
    source_id,
    change_id,
    ticket_id,
    changed_at,
    actor_id,
    field,
    old_value,
    new_value,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_ticket_changes') }}
