-- A ticket that came from a public post ties the customer who asked to the account that posted. The post is
-- looked for in the ticket's own source, else it is the only one of its id.
with tickets as (
    select * from {{ ref('input_support__tickets') }}
    where
        social_post_id is not null
        and deleted_at is null
        and not coalesce(is_spam, false)
        and not coalesce(is_test, false)
),

posts as (
    select * from {{ ref('input_social__posts') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

role_intervals as (
    select * from {{ ref('int_support__role_intervals') }}
),

asked as (
    select
        tickets.source_id,
        tickets.social_post_id,
        tickets.created_at,
        users.node
    from tickets
    inner join users
        on tickets.source_id = users.source_id and tickets.requester_id = users.user_id
    left join role_intervals
        on
            tickets.source_id = role_intervals.source_id
            and tickets.requester_id = role_intervals.user_id
            and (role_intervals.starts_at is null or tickets.created_at >= role_intervals.starts_at)
            and (role_intervals.ends_at is null or tickets.created_at < role_intervals.ends_at)
    where {{ actor_kind('coalesce(role_intervals.role, users.role)', 'users.is_bot') }} = 'customer'
),

named as (
    select distinct
        source_id,
        social_post_id
    from asked
),

found as (
    select
        named.source_id,
        named.social_post_id,
        {{ identity_node('social_accounts', 'posts.source_id', 'posts.account_id') }} as node
    from named
    inner join posts on named.social_post_id = posts.post_id
    qualify
        named.source_id = posts.source_id
        or count(*) over (partition by named.source_id, named.social_post_id) = 1
),

final as (
    select
        asked.node,
        found.node as anchor_node,
        asked.social_post_id,
        min(asked.created_at) as first_seen_at
    from asked
    inner join found
        on asked.source_id = found.source_id and asked.social_post_id = found.social_post_id
    group by all
)

select * from final
