select
    source_id,
    owner_id,
    name,
    email,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__crm_owners') }}
