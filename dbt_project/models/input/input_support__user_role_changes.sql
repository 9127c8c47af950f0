select
    source_id,
    user_id,
    changed_at,
    new_role,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_user_role_changes') }}
