with brands as (
    {{ newest_record(source('mastodon', 'mastodon__account'), ['id']) }}
),

authors as (
    select
        source_id,
        account_id,
        arg_max(account_acct, created_at) as handle,
        arg_max(account_bot, created_at) as is_bot,
        arg_max(account_name, created_at) as display_name,
        arg_max(account_followers, created_at) as follower_count,
        min(account_created_at) as created_at
    from ({{ newest_record(source('mastodon', 'mastodon__mentions'), ['id']) }})
    group by source_id, account_id
)

select
    source_id,
    id as account_id,
    'mastodon' as platform,
    acct as handle,
    true as is_brand,
    brand_id,
    bot as is_bot,
    display_name,
    followers_count as follower_count,
    created_at,
    url as source_url
from brands
union all
select
    authors.source_id,
    authors.account_id,
    'mastodon' as platform,
    authors.handle,
    false as is_brand,
    null as brand_id,
    authors.is_bot,
    authors.display_name,
    authors.follower_count,
    authors.created_at,
    null as source_url
from authors
anti join brands on authors.source_id = brands.source_id and authors.account_id = brands.id
