-- What is not public is no part of a public conversation. A post can be both the brand's own and a mention of itself.
with own as (
    {{ newest_record(source('mastodon', 'mastodon__posts'), ['id']) }}
),

mentions as (
    {{ newest_record(source('mastodon', 'mastodon__mentions'), ['id']) }}
),

posts as (
    select * from own
    union all
    select mentions.* from mentions anti join own on mentions.source_id = own.source_id and mentions.id = own.id
)

select
    source_id,
    id as post_id,
    account_id,
    created_at,
    {{ html_text('content') }} as text,
    in_reply_to_id as in_reply_to_post_id,
    in_reply_to_account_id,
    mentions ->> '$[*].id' as mentioned_account_ids,
    application as client_app,
    language as lang,
    url,
    url as source_url,
    coalesce(edited_at, created_at) as updated_at
from posts
where visibility in ('public', 'unlisted')
