-- Which conversation each ticket and each thread with a brand belongs to. A ticket made from a public post
-- goes on with that post's thread; all others stand alone.
with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

support_messages as (
    select * from {{ ref('int_support__messages') }}
),

posts as (
    select * from {{ ref('int_social__posts') }}
),

social_messages as (
    select * from {{ ref('int_social__messages') }}
),

threads as (
    select distinct
        source_id,
        root_id,
        brand_id,
        'thread|' || source_id || '|' || root_id || '|' || brand_id as conversation_id
    from social_messages
),

-- Messages may name a ticket that the source does not list.
all_tickets as (
    select
        source_id,
        ticket_id,
        'ticket|' || source_id || '|' || ticket_id as own_conversation_id
    from tickets
    union
    select
        source_id,
        ticket_id,
        'ticket|' || source_id || '|' || ticket_id as own_conversation_id
    from support_messages
),

-- Tickets out of reply-time metrics stay out of the thread as well: a merge notice answers nobody.
made_from_posts as (
    select
        source_id,
        ticket_id,
        brand_id,
        social_post_id
    from tickets
    where
        social_post_id is not null
        and merged_into_ticket_id is null
        and deleted_at is null
        and not coalesce(is_spam, false)
        and not coalesce(is_test, false)
),

-- The post of the same source, else the only post of that name elsewhere.
origins as (
    select
        made_from_posts.source_id,
        made_from_posts.ticket_id,
        made_from_posts.brand_id,
        posts.source_id as post_source_id,
        posts.root_id,
        case when not posts.is_brand_author then coalesce(posts.customer_id, posts.author_id) end as listener_id
    from made_from_posts
    inner join posts on made_from_posts.social_post_id = posts.post_id
    qualify
        posts.source_id = made_from_posts.source_id
        or count(*) over (partition by made_from_posts.source_id, made_from_posts.ticket_id) = 1
),

-- A thread may concern several brands: the ticket's own goes first.
bridges as (
    select
        origins.source_id,
        origins.ticket_id,
        origins.listener_id,
        threads.conversation_id
    from origins
    inner join threads
        on origins.post_source_id = threads.source_id and origins.root_id = threads.root_id
    qualify row_number() over (
        partition by origins.source_id, origins.ticket_id
        order by origins.brand_id is distinct from threads.brand_id, threads.brand_id
    ) = 1
),

final as (
    select
        source_id,
        null::varchar as ticket_id,
        root_id,
        brand_id,
        conversation_id,
        false as is_bridged,
        null::varchar as listener_id
    from threads
    union all
    select
        all_tickets.source_id,
        all_tickets.ticket_id,
        null as root_id,
        null as brand_id,
        coalesce(bridges.conversation_id, all_tickets.own_conversation_id) as conversation_id,
        bridges.conversation_id is not null as is_bridged,
        case
            when bridges.conversation_id is not null
                then coalesce(bridges.listener_id, tickets.customer_id, all_tickets.own_conversation_id)
        end as listener_id
    from all_tickets
    left join tickets
        on all_tickets.source_id = tickets.source_id and all_tickets.ticket_id = tickets.ticket_id
    left join bridges
        on all_tickets.source_id = bridges.source_id and all_tickets.ticket_id = bridges.ticket_id
)

select * from final
