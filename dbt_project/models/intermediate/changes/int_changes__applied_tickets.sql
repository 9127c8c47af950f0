-- What this build has computed; it becomes the state to compare with once the whole build has passed.
with tickets as (
    select * from {{ ref('int_changes__tickets') }}
),

ticket_times as (
    select * from {{ ref('int_support__ticket_times') }}
),

final as (
    select
        tickets.source_id,
        tickets.ticket_id,
        tickets.conversation_id,
        tickets.fingerprint,
        coalesce(ticket_times.last_status not in ('solved', 'closed', 'deleted'), false) as is_running
    from tickets
    left join ticket_times
        on tickets.source_id = ticket_times.source_id and tickets.ticket_id = ticket_times.ticket_id
)

select * from final
