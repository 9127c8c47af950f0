select
    source_id,
    revenue_id,
    account_id,
    contact_id,
    occurred_at,
    amount,
    currency,
    kind,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__crm_revenue') }}
