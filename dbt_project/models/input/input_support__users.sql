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
from {{ every_source('support_users') }}
