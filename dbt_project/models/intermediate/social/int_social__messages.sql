-- One row per post and brand that it concerns: the brand's own answers, and what others say to it.
with posts as (
    select * from {{ ref('int_social__posts') }}
),

brand_accounts as (
    select
        source_id,
        account_id,
        coalesce(brand_id, {{ default_brand(ref('int_brands')) }}) as brand_id
    from {{ ref('input_social__accounts') }}
    where is_brand
),

named_accounts as (
    select
        source_id,
        post_id,
        unnest(mentioned_account_ids) as account_id
    from posts
    union
    select
        source_id,
        post_id,
        answered_account_id as account_id
    from posts
    where answered_account_id is not null
),

addressed as (
    select distinct
        named_accounts.source_id,
        named_accounts.post_id,
        brand_accounts.brand_id
    from named_accounts
    inner join brand_accounts
        on
            named_accounts.source_id = brand_accounts.source_id
            and named_accounts.account_id = brand_accounts.account_id
),

final as (
    select
        posts.source_id,
        posts.post_id,
        posts.root_id,
        posts.author_brand_id as brand_id,
        posts.author_id,
        posts.customer_id,
        posts.actor_kind,
        posts.created_at,
        posts.is_deleted,
        false as is_mention
    from posts
    left join brand_accounts
        on
            posts.source_id = brand_accounts.source_id
            and posts.answered_account_id = brand_accounts.account_id
    -- A brand that answers nobody, or itself, talks at people: that is broadcast, not conversation.
    where
        posts.is_brand_author
        and posts.is_reply
        and coalesce(brand_accounts.brand_id <> posts.author_brand_id, true)
    union all
    select
        posts.source_id,
        posts.post_id,
        posts.root_id,
        addressed.brand_id,
        posts.author_id,
        posts.customer_id,
        posts.actor_kind,
        posts.created_at,
        posts.is_deleted,
        posts.actor_kind = 'customer' as is_mention
    from posts
    inner join addressed
        on posts.source_id = addressed.source_id and posts.post_id = addressed.post_id
    where not posts.is_brand_author
)

select * from final
