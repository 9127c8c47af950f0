-- Public replies of human agents, each with its score or the reason why it has none, and the customer who was answered.
with messages as (
    select * from {{ ref('int_conversations__messages') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

posts as (
    select * from {{ ref('int_social__posts') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

scores as (
    select * from {{ source('run', 'message_warmth') }}
),

replies as (
    select
        *,
        case when post_id is null then 'support_messages' else 'social_posts' end as system
    from messages
    where
        actor_kind = 'human_agent'
        and answers_customer
        and is_public
        and not is_deleted
        and not is_after_observation
),

-- On a ticket its requester is answered, in public whoever wrote the post before.
answered as (
    select
        replies.*,
        coalesce(tickets.customer_id, answered_posts.customer_id) as answered_customer_id
    from replies
    left join tickets
        on replies.source_id = tickets.source_id and replies.ticket_id = tickets.ticket_id
    left join posts
        on replies.source_id = posts.source_id and replies.post_id = posts.post_id
    left join posts as answered_posts
        on
            posts.source_id = answered_posts.source_id
            and posts.answered_post_id = answered_posts.post_id
            and not answered_posts.is_brand_author
),

final as (
    select
        answered.source_id,
        answered.message_id,
        answered.ticket_id,
        answered.post_id,
        answered.author_id as agent_id,
        answered.brand_id,
        units.customer_unit_id,
        answered.sent_at,
        -- Decimal, so that sums do not depend on the order of rows.
        scores.warmth::decimal(7, 6) as warmth,
        coalesce(scores.status, 'no_text') as status,
        scores.scorer_version
    from answered
    left join units on answered.answered_customer_id = units.customer_id
    left join scores
        on
            answered.system = scores.system
            and answered.source_id = scores.source_id
            and answered.message_id = scores.message_id
)

select * from final
