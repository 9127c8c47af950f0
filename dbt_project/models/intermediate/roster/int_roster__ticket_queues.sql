-- The queue that a ticket was first put into: where it went later may be because the reply was late.
with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

queues as (
    select * from {{ ref('int_support__field_intervals') }}
    where field = 'queue' and field_value is not null
),

first_queues as (
    select
        source_id,
        ticket_id,
        arg_min(field_value, interval_number) as queue
    from queues
    group by source_id, ticket_id
),

final as (
    select
        tickets.source_id,
        tickets.ticket_id,
        tickets.brand_id,
        tickets.created_at,
        coalesce(first_queues.queue, tickets.queue, '(none)') as queue
    from tickets
    left join first_queues
        on tickets.source_id = first_queues.source_id and tickets.ticket_id = first_queues.ticket_id
)

select * from final
