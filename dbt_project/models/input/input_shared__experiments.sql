select
    source_id,
    experiment_id,
    unit,
    unit_id,
    arm,
    assigned_at,
    lever,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('experiments') }}
