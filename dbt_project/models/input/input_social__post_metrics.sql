select
    source_id,
    post_id,
    measured_at,
    likes,
    replies,
    reposts,
    quotes,
    impressions,
    clicks,
    source_url,
    updated_at,
    deleted_at
from {{ ref('stg_files__social_post_metrics') }}
