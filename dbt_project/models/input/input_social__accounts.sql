select
    source_id,
    account_id,
    platform,
    handle,
    is_brand,
    brand_id,
    is_bot,
    display_name,
    follower_count,
    created_at,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('social_accounts') }}
