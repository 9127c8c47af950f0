select
    source_id,
    deal_id,
    account_id,
    contact_id,
    created_at,
    amount,
    currency,
    stage,
    closed_at,
    is_won,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_deals') }}
