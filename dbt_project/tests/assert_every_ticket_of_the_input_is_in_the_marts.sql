-- A ticket may leave the metrics with a reason, but never the tables.
with tickets as (
    select * from {{ ref('input_support__tickets') }}
),

facts as (
    select * from {{ ref('fct_tickets') }}
),

final as (
    select
        coalesce(tickets.source_id, facts.source_id) as source_id,
        coalesce(tickets.ticket_id, facts.ticket_id) as ticket_id
    from tickets
    full outer join facts
        on tickets.source_id = facts.source_id and tickets.ticket_id = facts.ticket_id
    where tickets.ticket_id is null or facts.ticket_id is null
)

select * from final
