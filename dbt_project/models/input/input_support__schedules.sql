select
    source_id,
    schedule_id,
    time_zone,
    weekday,
    opens_at,
    closes_at,
    valid_from,
    valid_to,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_schedules') }}
