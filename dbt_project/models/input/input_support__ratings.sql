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
from {{ ref('stg_files__support_ratings') }}
