select
    source_id,
    owner_id,
    name,
    email,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_owners') }}
