select
    source_id,
    user_id,
    role,
    is_bot,
    name,
    email,
    phone,
    external_id,
    organization_id,
    created_at,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__support_users') }}
