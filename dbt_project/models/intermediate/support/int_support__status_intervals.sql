-- Half-open intervals [starts_at, ends_at) of a ticket's status. The first begins with the ticket,
-- the last ends with deletion or the end of observation.
with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

changes as (
    select
        changes.source_id,
        changes.ticket_id,
        changes.changed_at,
        changes.change_id,
        lower(changes.old_value) as old_status,
        lower(changes.new_value) as new_status
    from {{ ref('input_support__ticket_changes') }} as changes
    inner join tickets
        on changes.source_id = tickets.source_id and changes.ticket_id = tickets.ticket_id
    where
        changes.field = 'status'
        and changes.deleted_at is null
        and changes.changed_at <= tickets.observed_end_at
        and (tickets.deleted_at is null or changes.changed_at <= tickets.deleted_at)
),

first_changes as (
    select *
    from changes
    qualify row_number() over (partition by source_id, ticket_id order by changed_at, change_id) = 1
),

starts as (
    select
        tickets.source_id,
        tickets.ticket_id,
        tickets.created_at as starts_at,
        '' as change_id,
        null as previous_status,
        coalesce(first_changes.old_status, case when first_changes.ticket_id is null then tickets.status end, 'new')
            as status
    from tickets
    left join first_changes
        on tickets.source_id = first_changes.source_id and tickets.ticket_id = first_changes.ticket_id
    union all
    select
        source_id,
        ticket_id,
        changed_at as starts_at,
        change_id,
        coalesce(
            old_status,
            lag(new_status) over (partition by source_id, ticket_id order by changed_at, change_id)
        ) as previous_status,
        new_status as status
    from changes
),

bounded as (
    select
        starts.*,
        coalesce(
            lead(starts.starts_at) over (
                partition by starts.source_id, starts.ticket_id
                order by starts.starts_at, starts.change_id
            ),
            case
                when tickets.deleted_at < tickets.observed_end_at then tickets.deleted_at
                else tickets.observed_end_at
            end
        ) as ends_at,
        tickets.deleted_at
    from starts
    inner join tickets
        on starts.source_id = tickets.source_id and starts.ticket_id = tickets.ticket_id
),

final as (
    select
        source_id,
        ticket_id,
        status,
        previous_status,
        starts_at,
        case when ends_at < starts_at then starts_at else ends_at end as ends_at,
        change_id = '' as is_initial,
        coalesce(
            previous_status = 'solved' and status in ('new', 'open', 'pending', 'hold'), false
        ) as is_reopen
    from bounded
)

select * from final
