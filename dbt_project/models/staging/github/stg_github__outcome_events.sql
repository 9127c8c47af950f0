-- Taking part again is the outcome: every public act of a person, with the ticket that it belongs to.
select
    messages.source_id,
    messages.message_id as event_id,
    messages.author_id as user_id,
    split_part(messages.ticket_id, '#', 1) as brand_id,
    messages.ticket_id,
    messages.sent_at as occurred_at,
    'participation' as kind,
    messages.source_url,
    messages.updated_at,
    messages.deleted_at
from {{ ref('stg_github__support_messages') }} as messages
