-- Every message of a ticket with its author's role as of the message.
with messages as (
    select * from {{ ref('input_support__messages') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

role_intervals as (
    select * from {{ ref('int_support__role_intervals') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

attributed as (
    select
        messages.source_id,
        messages.message_id,
        messages.ticket_id,
        messages.sent_at,
        coalesce(messages.channel, tickets.channel) as channel,
        coalesce(tickets.brand_id, brands.brand_id) as brand_id,
        messages.is_public and not coalesce(messages.is_side_conversation, false) as is_public,
        messages.deleted_at is not null as is_deleted,
        {{ is_courtesy('messages.body') }} as is_courtesy,
        users.person_id as author_id,
        users.node as author_node,
        {{ actor_kind('coalesce(role_intervals.role, users.role)', 'users.is_bot') }} as actor_kind,
        coalesce(tickets.observed_end_at, brands.observed_end_at) as observed_end_at
    from messages
    left join tickets
        on messages.source_id = tickets.source_id and messages.ticket_id = tickets.ticket_id
    -- A message without its ticket belongs to the default brand.
    left join brands on tickets.ticket_id is null and brands.is_default
    left join users
        on messages.source_id = users.source_id and messages.author_id = users.user_id
    left join role_intervals
        on
            messages.source_id = role_intervals.source_id
            and messages.author_id = role_intervals.user_id
            and (role_intervals.starts_at is null or messages.sent_at >= role_intervals.starts_at)
            and (role_intervals.ends_at is null or messages.sent_at < role_intervals.ends_at)
),

final as (
    select
        attributed.source_id,
        attributed.message_id,
        attributed.ticket_id,
        attributed.sent_at,
        attributed.channel,
        attributed.brand_id,
        attributed.is_public,
        attributed.is_deleted,
        attributed.is_courtesy,
        attributed.author_id,
        attributed.actor_kind,
        attributed.observed_end_at,
        attributed.sent_at > attributed.observed_end_at as is_after_observation,
        case when attributed.actor_kind = 'customer' then clusters.customer_id end as customer_id
    from attributed
    left join clusters on attributed.author_node = clusters.node
)

select * from final
