with events as (
    select
        source_id,
        ticket_id,
        updater_id,
        created_at,
        via,
        unnest(child_events::json[]) as child
    from ({{ newest_record(source('zendesk', 'zendesk__ticket_events'), ['id']) }})
)

select
    source_id,
    child ->> '$.id' as message_id,
    ticket_id,
    coalesce(child ->> '$.author_id', updater_id, '-1') as author_id,
    created_at as sent_at,
    coalesce((child ->> '$.public')::boolean, (child ->> '$.comment_public')::boolean, false) as is_public,
    via as channel,
    child ->> '$.body' as body
from events
where child ->> '$.event_type' = 'Comment'
