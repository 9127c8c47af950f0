-- Conversations to compute anew: new, changed or gone since the last finished build, with something after the end of
-- observation then or now, or with somebody still waiting on a ticket.
with conversations as (
    select * from {{ ref('int_changes__conversations') }}
),

tickets as (
    select * from {{ ref('int_changes__tickets') }}
),

applied as (
    select * from {{ source('state', 'applied_tickets') }}
),

applied_conversations as (
    select * from {{ source('state', 'applied_conversations') }}
),

changed as (
    select coalesce(conversations.conversation_id, applied_conversations.conversation_id) as conversation_id
    from conversations
    full outer join applied_conversations
        on conversations.conversation_id = applied_conversations.conversation_id
    where
        conversations.fingerprint is distinct from applied_conversations.fingerprint
        or conversations.is_beyond_observation
        or applied_conversations.is_beyond_observation
),

final as (
    select conversation_id
    from changed
    union
    select conversation_id
    from applied
    where is_running and conversation_id is not null
    union
    -- A ticket that moved leaves the one conversation and joins the other.
    select unnest([tickets.conversation_id, applied.conversation_id]) as conversation_id
    from tickets
    inner join applied
        on tickets.source_id = applied.source_id and tickets.ticket_id = applied.ticket_id
    where tickets.conversation_id is distinct from applied.conversation_id
)

select * from final
where conversation_id is not null
