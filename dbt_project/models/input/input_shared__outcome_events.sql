select
    source_id,
    event_id,
    contact_id,
    account_id,
    user_id,
    brand_id,
    ticket_id,
    post_id,
    occurred_at,
    kind,
    value,
    unit,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('outcome_events') }}
