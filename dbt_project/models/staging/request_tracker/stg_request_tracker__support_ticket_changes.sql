-- Every change of status, owner, queue, priority and requestor, in the words that tickets use.
with changes as (
    select
        source_id,
        id,
        ticket_id,
        created_at,
        creator_id,
        case field
            when 'Status' then 'status'
            when 'Owner' then 'assignee_id'
            when 'Queue' then 'queue'
            when 'Priority' then 'priority'
            when 'Requestor' then 'requester_id'
        end as field,
        lower(old_value) as old_value,
        lower(new_value) as new_value
    from ({{ newest_record(source('request_tracker', 'request_tracker__transactions'), ['id']) }})
    -- RT writes a change of owner down twice, as SetWatcher too. Before RT 5 it had verbs.
    where
        (type in ('Status', 'Set') and field in ('Status', 'Queue', 'Priority', 'Owner'))
        or (type in ('Take', 'Untake', 'Steal', 'Give', 'Force') and field = 'Owner')
        or (type in ('AddWatcher', 'DelWatcher') and field = 'Requestor')
),

meanings as (
    select
        source_id,
        'status' as field,
        name as said,
        meaning
    from ({{ newest_record(source('request_tracker', 'request_tracker__statuses'), ['name']) }})
    where _deleted_at is null
    union all
    select
        source_id,
        'queue' as field,
        id as said,
        name as meaning
    from ({{ newest_record(source('request_tracker', 'request_tracker__queues'), ['id']) }})
    union all
    select
        source_id,
        'assignee_id' as field,
        id as said,
        null as meaning
    from ({{ newest_record(source('request_tracker', 'request_tracker__users'), ['id']) }})
    where name = 'Nobody'
)

select
    changes.source_id,
    changes.id as change_id,
    changes.ticket_id,
    changes.created_at as changed_at,
    changes.creator_id as actor_id,
    changes.field,
    {% for value in ('old_value', 'new_value') %}
        case
            when changes.field = 'priority'
                then
                    case
                        when changes.{{ value }}::integer >= 100 then 'high'
                        when changes.{{ value }}::integer >= 50 then 'normal'
                        when changes.{{ value }}::integer < 50 then 'low'
                    end
            when {{ value }}_meanings.said is not null then {{ value }}_meanings.meaning
            else changes.{{ value }}
        end as {{ value }}{% if not loop.last %},{% endif %}
    {% endfor %}
from changes
{% for value in ('old_value', 'new_value') %}
    left join meanings as {{ value }}_meanings
        on
            changes.source_id = {{ value }}_meanings.source_id
            and changes.field = {{ value }}_meanings.field
            and changes.{{ value }} = {{ value }}_meanings.said
{% endfor %}
