select
    source_id,
    brand_id,
    name,
    time_zone,
    observed_until,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('brands') }}
