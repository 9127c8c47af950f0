-- Public posts with thread, author and the account they answer.
with posts as (
    select * from {{ ref('input_social__posts') }}
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

-- A reply to a post that is not here starts a thread of its own.
parents as (
    select
        posts.source_id,
        posts.post_id,
        answered.post_id as parent_id
    from posts
    left join posts as answered
        on posts.source_id = answered.source_id and posts.in_reply_to_post_id = answered.post_id
),

{{ thread_roots('parents') }},

final as (
    select
        posts.source_id,
        posts.post_id,
        roots.root_id,
        posts.account_id,
        posts.created_at,
        posts.is_scheduled,
        posts.client_app,
        posts.mentioned_account_ids,
        posts.deleted_at is not null as is_deleted,
        coalesce(accounts.is_brand, false) as is_brand_author,
        case when accounts.is_brand then coalesce(brands.brand_id, accounts.brand_id) end as author_brand_id,
        coalesce(answered.account_id, posts.in_reply_to_account_id) as answered_account_id,
        posts.in_reply_to_post_id is not null or posts.in_reply_to_account_id is not null as is_reply,
        case
            when coalesce(accounts.is_bot, false) then 'bot'
            when coalesce(accounts.is_brand, false) then 'human_agent'
            else 'customer'
        end as actor_kind,
        {{ person_key(identity_node('social_accounts', 'posts.source_id', 'posts.account_id'), 'run') }} as author_id,
        clusters.customer_id
    from posts
    inner join roots
        on posts.source_id = roots.source_id and posts.post_id = roots.post_id
    left join accounts
        on posts.source_id = accounts.source_id and posts.account_id = accounts.account_id
    left join brands
        on coalesce(accounts.brand_id, {{ default_brand('brands') }}) = brands.brand_id
    left join posts as answered
        on posts.source_id = answered.source_id and posts.in_reply_to_post_id = answered.post_id
    left join clusters
        on clusters.node = {{ identity_node('social_accounts', 'posts.source_id', 'posts.account_id') }}
    cross join run
)

select * from final
