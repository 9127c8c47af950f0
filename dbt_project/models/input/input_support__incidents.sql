select
    source_id,
    incident_id,
    started_at,
    ended_at,
    title,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__support_incidents') }}
