select
    source_id,
    user_id,
    changed_at,
    new_role,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__support_user_role_changes') }}
