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
from {{ every_source('crm_revenue') }}
