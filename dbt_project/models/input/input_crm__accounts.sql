select
    source_id,
    account_id,
    name,
    domain,
    industry,
    employees,
    created_at,
    owner_id,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__crm_accounts') }}
