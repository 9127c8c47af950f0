select
    source_id,
    function,
    week,
    hours,
    cost,
    currency,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('staff_costs') }}
