select
    source_id,
    schedule_id,
    local_date,
    name,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__support_holidays') }}
