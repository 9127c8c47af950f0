select
    source_id,
    rating_id,
    ticket_id,
    score,
    scale_min,
    scale_max,
    offered_at,
    rated_at,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_ratings') }}
