-- Until when is known to a sync: a follow that is taken back leaves nothing behind.
with accounts as (
    {{ newest_record(source('bluesky', 'bluesky__accounts'), ['did']) }}
),

follows as (
    {{ newest_record(source('bluesky', 'bluesky__follows'), ['did', 'rkey']) }}
)

select
    follows.source_id,
    follows.did as account_id,
    follows.value ->> '$.subject' as brand_account_id,
    follows.published_at as followed_at,
    coalesce(follows._deleted_at, accounts._deleted_at) as unfollowed_at
from follows
left join accounts on follows.source_id = accounts.source_id and follows.did = accounts.did
where follows.published_at is not null
-- A program may write one follow twice in a microsecond.
qualify row_number() over (
    partition by follows.source_id, follows.did, follows.value ->> '$.subject', follows.published_at
    order by follows._deleted_at desc nulls first, follows.rkey asc
) = 1
