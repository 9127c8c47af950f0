select
    source_id,
    account_id,
    brand_account_id,
    followed_at,
    unfollowed_at,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('social_follows') }}
