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
from {{ every_source('crm_accounts') }}
