select
    source_id,
    currency,
    day,
    rate_to_base,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__fx_rates') }}
