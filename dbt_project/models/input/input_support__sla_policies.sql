select
    source_id,
    policy_id,
    metric,
    priority,
    schedule_id,
    brand_id,
    queue,
    target_seconds,
    in_business_hours,
    valid_from,
    valid_to,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_sla_policies') }}
