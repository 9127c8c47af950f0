-- Public posts with thread, author and the account they answer.
with posts as (
    select * from {{ ref('input_social__posts') }}
),

threads as (
    select * from {{ ref('int_social__threads') }}
),

accounts as (
    select * from {{ ref('input_social__accounts') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

account_brands as (
    select
        accounts.source_id,
        accounts.account_id,
        accounts.is_brand,
        coalesce(accounts.is_bot, false) as is_bot,
        case when accounts.is_brand then coalesce(brands.brand_id, accounts.brand_id) end as brand_id
    from accounts
    left join brands
        on coalesce(accounts.brand_id, {{ default_brand('brands') }}) = brands.brand_id
),

final as (
    select
        posts.source_id,
        posts.post_id,
        threads.root_id,
        posts.account_id,
        posts.created_at,
        posts.is_scheduled,
        posts.client_app,
        posts.mentioned_account_ids,
        posts.deleted_at is not null as is_deleted,
        {{ is_courtesy('posts.text') }} as is_courtesy,
        coalesce(authors.is_brand, false) as is_brand_author,
        authors.brand_id as author_brand_id,
        answered.post_id as answered_post_id,
        coalesce(answered.account_id, posts.in_reply_to_account_id) as answered_account_id,
        answered_accounts.brand_id as answered_brand_id,
        posts.in_reply_to_post_id is not null or posts.in_reply_to_account_id is not null as is_reply,
        case
            when authors.is_bot then 'bot'
            when authors.is_brand then 'human_agent'
            else 'customer'
        end as actor_kind,
        {{ person_key(identity_node('social_accounts', 'posts.source_id', 'posts.account_id'), 'run') }} as author_id,
        clusters.customer_id
    from posts
    inner join threads
        on posts.source_id = threads.source_id and posts.post_id = threads.post_id
    left join account_brands as authors
        on posts.source_id = authors.source_id and posts.account_id = authors.account_id
    left join posts as answered
        on posts.source_id = answered.source_id and posts.in_reply_to_post_id = answered.post_id
    left join account_brands as answered_accounts
        on
            posts.source_id = answered_accounts.source_id
            and coalesce(answered.account_id, posts.in_reply_to_account_id) = answered_accounts.account_id
    left join clusters
        on clusters.node = {{ identity_node('social_accounts', 'posts.source_id', 'posts.account_id') }}
    cross join run
)

select * from final
