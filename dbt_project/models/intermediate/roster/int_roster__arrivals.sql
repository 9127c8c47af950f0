-- Tickets that customers opened, by the slot in which they were created. A merged ticket arrived all the same.
with ticket_queues as (
    select * from {{ ref('int_roster__ticket_queues') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
    where not is_company_opened and coalesce(exclusion_reason, 'merged') = 'merged'
),

queues as (
    select * from {{ ref('int_roster__queues') }}
),

final as (
    select
        queues.queue,
        {{ slot_start('timezone(queues.time_zone, ticket_queues.created_at)') }} as slot_start_local,
        count(*) as n_arrivals
    from ticket_queues
    inner join openings
        on ticket_queues.source_id = openings.source_id and ticket_queues.ticket_id = openings.ticket_id
    inner join queues on ticket_queues.queue = queues.queue
    where ticket_queues.created_at <= queues.observed_end_at
    group by all
)

select * from final
