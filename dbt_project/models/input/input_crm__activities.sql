select
    source_id,
    activity_id,
    contact_id,
    account_id,
    occurred_at,
    kind,
    actor_id,
    is_automated,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_activities') }}
