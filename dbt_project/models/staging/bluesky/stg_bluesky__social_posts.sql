-- Whoever leaves takes all posts along. A record is what its author's program wrote: a link to nobody answers nobody.
with accounts as (
    {{ newest_record(source('bluesky', 'bluesky__accounts'), ['did']) }}
),

posts as (
    select
        *,
        'at://' || did || '/app.bsky.feed.post/' || rkey as uri,
        'https://bsky.app/profile/' || did || '/post/' || rkey as url,
        nullif(regexp_extract(value ->> '$.reply.parent.uri', '^at://did:[^/]+/[^/]+/[^/]+$'), '') as parent_uri,
        nullif(regexp_extract(value ->> '$.reply.root.uri', '^at://did:[^/]+/[^/]+/[^/]+$'), '') as root_uri
    from ({{ newest_record(source('bluesky', 'bluesky__posts'), ['did', 'rkey']) }})
    where published_at is not null
),

features as (
    select
        source_id,
        did,
        rkey,
        unnest(value -> '$.facets[*].features[*]') as feature
    from posts
),

mentions as (
    select
        source_id,
        did,
        rkey,
        list(distinct feature ->> '$.did' order by feature ->> '$.did') as account_ids
    from features
    where feature ->> '$."$type"' = 'app.bsky.richtext.facet#mention' and feature ->> '$.did' is not null
    group by source_id, did, rkey
)

select
    posts.source_id,
    posts.uri as post_id,
    posts.did as account_id,
    posts.published_at as created_at,
    posts.value ->> '$.text' as text,
    posts.parent_uri as in_reply_to_post_id,
    split_part(posts.parent_uri, '/', 3) as in_reply_to_account_id,
    coalesce(posts.root_uri, posts.uri) as conversation_id,
    posts.value ->> '$.via' as client_app,
    posts.value ->> '$.langs[0]' as lang,
    posts.url,
    posts.url as source_url,
    coalesce(posts._deleted_at, accounts._deleted_at) as deleted_at,
    coalesce(mentions.account_ids, []) as mentioned_account_ids
from posts
left join mentions on posts.source_id = mentions.source_id and posts.did = mentions.did and posts.rkey = mentions.rkey
left join accounts on posts.source_id = accounts.source_id and posts.did = accounts.did
