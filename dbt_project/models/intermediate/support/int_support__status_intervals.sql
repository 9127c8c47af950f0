{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- Half-open intervals [starts_at, ends_at) of a ticket's status; ends_at is null while it lasts. Nobody waits
-- while it is solved, nor once it was closed or deleted.
with intervals as (
    select * from {{ touched(ref('int_support__field_intervals'), by='tickets') }}
    where field = 'status'
),

judged as (
    select
        *,
        bool_or(field_value in ('closed', 'deleted')) over (
            partition by source_id, ticket_id
            order by interval_number
            rows unbounded preceding
        ) as has_ended
    from intervals
),

final as (
    select
        source_id,
        ticket_id,
        interval_number,
        field_value as status,
        previous_value as previous_status,
        starts_at,
        ends_at,
        interval_number = 1 as is_initial,
        coalesce(previous_value = 'solved' and field_value in ('new', 'open', 'pending', 'hold'), false) as is_reopen,
        case
            when has_ended then null
            when field_value in ('new', 'open', 'hold') then 'requester'
            when field_value = 'pending' then 'agent'
        end as waiting_side
    from judged
)

select * from final
