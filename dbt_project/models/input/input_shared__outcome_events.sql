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
from {{ ref('stg_files__outcome_events') }}
