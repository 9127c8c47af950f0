select
    source_id,
    schedule_id,
    local_date,
    name,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_holidays') }}
