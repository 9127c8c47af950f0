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
from {{ every_source('social_post_metrics') }}
