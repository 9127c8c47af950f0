select
    source_id,
    subscription_id,
    account_id,
    contact_id,
    started_at,
    renews_at,
    ended_at,
    mrr,
    currency,
    status,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_subscriptions') }}
