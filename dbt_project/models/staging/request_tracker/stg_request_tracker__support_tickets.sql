-- A ticket that staff opened for nobody's question is the company's own. Deletions and merges are told by transactions:
-- RT lists no deleted ticket, and a merge does not touch the merged one.
with tickets as (
    {{ newest_record(source('request_tracker', 'request_tracker__tickets'), ['id'], 'updated_at') }}
),

transactions as (
    {{ newest_record(source('request_tracker', 'request_tracker__transactions'), ['id']) }}
),

statuses as (
    {{ newest_record(source('request_tracker', 'request_tracker__statuses'), ['name']) }}
),

queues as (
    {{ newest_record(source('request_tracker', 'request_tracker__queues'), ['id']) }}
),

users as (
    {{ newest_record(source('request_tracker', 'request_tracker__users'), ['id']) }}
),

last_statuses as (
    select
        source_id,
        ticket_id,
        arg_max(new_value, id::bigint) as status,
        arg_max(created_at, id::bigint) as changed_at
    from transactions
    where type = 'Status'
    group by source_id, ticket_id
),

deletions as (
    select
        source_id,
        ticket_id,
        changed_at
    from last_statuses
    where status = 'deleted'
),

survivors as (
    select
        source_id,
        ticket_id,
        arg_max(split_part(new_value, '/', -1), id::bigint) as merged_into_ticket_id
    from transactions
    where type = 'AddLink' and field = 'MergedInto' and split_part(new_value, '/', -1) <> ticket_id
    group by source_id, ticket_id
),

-- Deleted before it was ever listed: its opening is all there is, and who wrote it is who asked.
never_listed as (
    select
        transactions.source_id,
        transactions.ticket_id as id,
        transactions.creator_id,
        transactions.created_at,
        deletions.changed_at as updated_at,
        'deleted' as status,
        replace(transactions.url, '/transaction/' || transactions.id, '/ticket/' || transactions.ticket_id) as url
    from transactions
    inner join deletions
        on transactions.source_id = deletions.source_id and transactions.ticket_id = deletions.ticket_id
    anti join tickets
        on transactions.source_id = tickets.source_id and transactions.ticket_id = tickets.id
    where transactions.type = 'Create'
),

everything as (
    select
        source_id,
        id,
        creator_id,
        created_at,
        updated_at,
        status,
        url,
        subject,
        priority::integer as priority,
        queue_id,
        owner_id,
        nullif(effective_id, id) as effective_id,
        requestor_ids::varchar[] as requestor_ids
    from tickets
    union all by name
    select * from never_listed
),

persons as (
    select
        *,
        case
            when list_contains(requestor_ids, creator_id) then creator_id
            else coalesce(requestor_ids[1], creator_id)
        end as requester_id
    from everything
)

select
    persons.source_id,
    persons.id as ticket_id,
    persons.created_at,
    persons.requester_id,
    persons.creator_id as submitter_id,
    queues.brand_id,
    persons.subject,
    case
        when persons.priority >= 100 then 'high'
        when persons.priority >= 50 then 'normal'
        when persons.priority < 50 then 'low'
    end as priority,
    queues.name as queue,
    case when owners.name <> 'Nobody' then persons.owner_id end as assignee_id,
    case
        when deletions.ticket_id is not null then 'closed'
        else coalesce(statuses.meaning, lower(persons.status))
    end as status,
    coalesce(survivors.merged_into_ticket_id, persons.effective_id) as merged_into_ticket_id,
    openers.role = 'agent' and persons.requester_id = persons.creator_id as is_proactive,
    replace(persons.url, '/REST/2.0/ticket/', '/Ticket/Display.html?id=') as source_url,
    greatest(persons.updated_at, deletions.changed_at) as updated_at,
    deletions.changed_at as deleted_at
from persons
left join queues
    on persons.source_id = queues.source_id and persons.queue_id = queues.id
left join users as owners
    on persons.source_id = owners.source_id and persons.owner_id = owners.id
left join statuses
    on persons.source_id = statuses.source_id and lower(persons.status) = statuses.name and statuses._deleted_at is null
left join deletions
    on persons.source_id = deletions.source_id and persons.id = deletions.ticket_id
left join survivors
    on persons.source_id = survivors.source_id and persons.id = survivors.ticket_id
left join {{ ref('stg_request_tracker__support_users') }} as openers
    on persons.source_id = openers.source_id and persons.creator_id = openers.user_id
