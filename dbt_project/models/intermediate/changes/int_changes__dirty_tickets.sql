-- Tickets to compute anew: all that are, or were, part of a dirty conversation.
with tickets as (
    select * from {{ ref('int_changes__tickets') }}
),

applied as (
    select * from {{ source('state', 'applied_tickets') }}
),

conversations as (
    select * from {{ ref('int_changes__dirty_conversations') }}
),

final as (
    select
        tickets.source_id,
        tickets.ticket_id
    from tickets
    semi join conversations on tickets.conversation_id = conversations.conversation_id
    union
    select
        applied.source_id,
        applied.ticket_id
    from applied
    semi join conversations on applied.conversation_id = conversations.conversation_id
)

select * from final
