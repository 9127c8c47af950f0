-- Messages and posts of all conversations, one shape: a conversation is a ticket, or a thread with a brand.
with support_messages as (
    select * from {{ ref('int_support__messages') }}
),

social_messages as (
    select * from {{ ref('int_social__messages') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

final as (
    select
        source_id,
        'ticket|' || source_id || '|' || ticket_id as conversation_id,
        message_id,
        ticket_id,
        null::varchar as post_id,
        brand_id,
        author_id,
        customer_id,
        channel,
        actor_kind,
        is_public,
        sent_at,
        actor_kind = 'customer' as asks_brand,
        is_deleted,
        is_after_observation,
        observed_end_at
    from support_messages
    union all
    select
        social_messages.source_id,
        'thread|' || social_messages.source_id || '|' || social_messages.root_id || '|' || social_messages.brand_id
            as conversation_id,
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
        social_messages.is_deleted,
        social_messages.created_at > brands.observed_end_at as is_after_observation,
        brands.observed_end_at
    from social_messages
    left join brands on social_messages.brand_id = brands.brand_id
)

select * from final
