-- One row per ticket: time in each kind of status, solving instants, reopens and hand-offs.
with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

intervals as (
    select * from {{ ref('int_support__status_intervals') }}
),

assignee_changes as (
    select
        source_id,
        ticket_id,
        count(*) as n_handoffs
    from {{ ref('input_support__ticket_changes') }}
    where
        field = 'assignee_id'
        and deleted_at is null
        and old_value <> ''
        and new_value <> ''
        and old_value <> new_value
    group by all
),

by_status as (
    select
        source_id,
        ticket_id,
        sum({{ seconds_between('starts_at', 'ends_at') }}) filter (
            where status in ('new', 'open', 'hold')
        ) as requester_wait_calendar_seconds,
        sum({{ seconds_between('starts_at', 'ends_at') }}) filter (
            where status = 'pending'
        ) as agent_wait_calendar_seconds,
        min(starts_at) filter (where status = 'solved' and not is_initial) as first_solved_at,
        max(starts_at) filter (where status = 'solved' and not is_initial) as last_solved_at,
        max(starts_at) filter (where status = 'closed' and not is_initial) as closed_at,
        count(*) filter (where is_reopen) as n_reopens,
        arg_max(status, struct_pack(starts_at := starts_at, is_later := not is_initial)) as last_status
    from intervals
    group by all
),

final as (
    select
        tickets.source_id,
        tickets.ticket_id,
        coalesce(by_status.requester_wait_calendar_seconds, 0) as requester_wait_calendar_seconds,
        coalesce(by_status.agent_wait_calendar_seconds, 0) as agent_wait_calendar_seconds,
        coalesce(by_status.first_solved_at, by_status.closed_at) as first_resolved_at,
        case
            when by_status.last_status in ('solved', 'closed')
                then coalesce(by_status.last_solved_at, by_status.closed_at)
        end as fully_resolved_at,
        coalesce(by_status.n_reopens, 0) as n_reopens,
        coalesce(assignee_changes.n_handoffs, 0) as n_handoffs
    from tickets
    left join by_status
        on tickets.source_id = by_status.source_id and tickets.ticket_id = by_status.ticket_id
    left join assignee_changes
        on
            tickets.source_id = assignee_changes.source_id
            and tickets.ticket_id = assignee_changes.ticket_id
)

select * from final
