select
    source_id,
    currency,
    day,
    rate_to_base,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('fx_rates') }}
