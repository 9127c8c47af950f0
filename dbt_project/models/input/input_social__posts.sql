select
    source_id,
    post_id,
    account_id,
    created_at,
    text,
    in_reply_to_post_id,
    in_reply_to_account_id,
    conversation_id,
    mentioned_account_ids,
    client_app,
    is_scheduled,
    lang,
    url,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('social_posts') }}
