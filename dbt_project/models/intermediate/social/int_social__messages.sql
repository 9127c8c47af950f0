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

-- A brand that goes on under its own post says what the first of that chain says.
own_posts as (
    select
        posts.source_id,
        posts.post_id,
        continued.post_id as parent_id
    from posts
    left join posts as continued
        on
            posts.source_id = continued.source_id
            and posts.answered_post_id = continued.post_id
            and posts.author_brand_id = continued.author_brand_id
    where posts.is_brand_author
),

{{ pointer_roots('own_posts', id='post_id', roots='own_chains') }},

-- A chain that starts by answering nobody, or the brand itself, talks at people: broadcast, not conversation.
answers as (
    select
        posts.source_id,
        posts.post_id
    from posts
    inner join own_chains
        on posts.source_id = own_chains.source_id and posts.post_id = own_chains.post_id
    inner join posts as first_posts
        on own_chains.source_id = first_posts.source_id and own_chains.root_id = first_posts.post_id
    where first_posts.is_reply and coalesce(first_posts.answered_brand_id <> first_posts.author_brand_id, true)
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
        posts.is_courtesy,
        false as is_mention,
        true as is_answer
    from posts
    inner join answers
        on posts.source_id = answers.source_id and posts.post_id = answers.post_id
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
        posts.is_courtesy,
        posts.actor_kind = 'customer' as is_mention,
        false as is_answer
    from posts
    inner join addressed
        on posts.source_id = addressed.source_id and posts.post_id = addressed.post_id
    where not posts.is_brand_author
)

select * from final
