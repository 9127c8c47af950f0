-- A change names its field by a key of its own, beside the value before.
with events as (
    select
        source_id,
        ticket_id,
        updater_id,
        created_at,
        unnest(child_events::json[]) as child
    from ({{ newest_record(source('zendesk', 'zendesk__ticket_events'), ['id']) }})
),

fields as (
    select
        *,
        unnest(['status', 'priority', 'assignee_id', 'group_id', 'brand_id']) as field
    from events
    where child ->> '$.event_type' = 'Change'
)

select
    source_id,
    child ->> '$.id' as change_id,
    ticket_id,
    created_at as changed_at,
    coalesce(updater_id, '-1') as actor_id,
    field,
    child ->> '$.previous_value' as old_value,
    child ->> ('$.' || field) as new_value
from fields
where json_exists(child, '$.' || field)
