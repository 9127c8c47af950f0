-- An account tells by a label of its own that it is a bot.
with accounts as (
    {{ newest_record(source('bluesky', 'bluesky__accounts'), ['did']) }}
),

profiles as (
    select
        source_id,
        did,
        value ->> '$.displayName' as display_name,
        coalesce(list_contains(value ->> '$.labels.values[*].val', 'bot'), false) as is_bot
    from ({{ newest_record(source('bluesky', 'bluesky__profiles'), ['did', 'rkey']) }})
    where rkey = 'self' and _deleted_at is null
)

select
    accounts.source_id,
    accounts.did as account_id,
    'bluesky' as platform,
    accounts.handle,
    accounts.is_brand,
    accounts.brand_id,
    profiles.display_name,
    'https://bsky.app/profile/' || accounts.did as source_url,
    accounts._deleted_at as deleted_at,
    coalesce(profiles.is_bot, false) as is_bot
from accounts
left join profiles on accounts.source_id = profiles.source_id and accounts.did = profiles.did
