select
    source_id,
    message_id,
    ticket_id,
    author_id,
    sent_at,
    is_public,
    channel,
    body,
    is_side_conversation,
    bot_disclosed,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('support_messages') }}
