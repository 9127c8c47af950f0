-- Each conversation's tickets and posts as one number that changes when any of them does.
with tickets as (
    select * from {{ ref('int_changes__tickets') }}
),

posts as (
    select * from {{ ref('int_social__messages') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

threads as (
    select * from {{ ref('int_conversations__members') }}
    where root_id is not null
),

parts as (
    select
        conversation_id,
        hash(source_id, ticket_id, fingerprint) as part,
        is_beyond_observation
    from tickets
    where conversation_id is not null
    union all
    select
        threads.conversation_id,
        hash(posts, brands.observed_until) as part,  -- noqa: RF02
        posts.created_at > brands.observed_end_at as is_beyond_observation
    from posts
    inner join threads
        on
            posts.source_id = threads.source_id
            and posts.root_id = threads.root_id
            and posts.brand_id = threads.brand_id
    left join brands on posts.brand_id = brands.brand_id
),

final as (
    select
        conversation_id,
        sum(part) as fingerprint,
        coalesce(bool_or(is_beyond_observation), false) as is_beyond_observation
    from parts
    group by conversation_id
)

select * from final
