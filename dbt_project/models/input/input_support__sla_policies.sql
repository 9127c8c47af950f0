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
from {{ ref('stg_files__support_sla_policies') }}
