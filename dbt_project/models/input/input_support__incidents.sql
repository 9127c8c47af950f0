select
    source_id,
    incident_id,
    started_at,
    ended_at,
    title,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_incidents') }}
