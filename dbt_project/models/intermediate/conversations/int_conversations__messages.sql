-- Messages and posts of all conversations, one shape: a conversation is a ticket, a thread with a brand, or
-- such a thread with the tickets made from it.
with support_messages as (
    select * from {{ ref('int_support__messages') }}
),

social_messages as (
    select * from {{ ref('int_social__messages') }}
),

members as (
    select * from {{ ref('int_conversations__members') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

final as (
    select
        support_messages.source_id,
        members.conversation_id,
        support_messages.message_id,
        support_messages.ticket_id,
        null::varchar as post_id,
        support_messages.brand_id,
        support_messages.author_id,
        support_messages.customer_id,
        support_messages.channel,
        support_messages.actor_kind,
        support_messages.is_public,
        support_messages.sent_at,
        support_messages.actor_kind = 'customer' as asks_brand,
        support_messages.actor_kind in ('human_agent', 'bot') as answers_customer,
        -- What is written in a ticket of a thread is heard by the ticket's customer, not by the whole thread.
        members.listener_id,
        support_messages.is_deleted,
        support_messages.is_courtesy,
        support_messages.is_after_observation,
        support_messages.observed_end_at
    from support_messages
    inner join members
        on support_messages.source_id = members.source_id and support_messages.ticket_id = members.ticket_id
    union all
    select
        social_messages.source_id,
        members.conversation_id,
        social_messages.post_id as message_id,
        null as ticket_id,
        social_messages.post_id,
        social_messages.brand_id,
        social_messages.author_id,
        social_messages.customer_id,
        'social' as channel,
        social_messages.actor_kind,
        true as is_public,
        social_messages.created_at as sent_at,
        social_messages.is_mention as asks_brand,
        social_messages.is_answer as answers_customer,
        case when social_messages.is_mention then coalesce(social_messages.customer_id, social_messages.author_id) end
            as listener_id,
        social_messages.is_deleted,
        social_messages.is_courtesy,
        social_messages.created_at > brands.observed_end_at as is_after_observation,
        brands.observed_end_at
    from social_messages
    inner join members
        on
            social_messages.source_id = members.source_id
            and social_messages.root_id = members.root_id
            and social_messages.brand_id = members.brand_id
    left join brands on social_messages.brand_id = brands.brand_id
)

select * from final
