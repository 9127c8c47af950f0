{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- Who held each ticket: hand-offs, stations of groups and assignees, and the time it waited unassigned.
with stations as (
    select * from {{ touched(ref('int_support__stations'), by='tickets') }}
),

final as (
    select
        source_id,
        ticket_id,
        count(*) filter (
            where field = 'assignee_id' and previous_holder_id <> holder_id
        ) as n_handoffs,
        count(*) filter (
            where field = 'assignee_id' and holder_id is not null and holder_id is distinct from previous_holder_id
        ) as n_assignee_stations,
        count(*) filter (
            where field = 'group_id' and holder_id is not null and holder_id is distinct from previous_holder_id
        ) as n_group_stations,
        min(starts_at) filter (where field = 'assignee_id' and holder_id is not null) as first_assigned_at,
        coalesce(
            sum(calendar_seconds::decimal(18, 6)) filter (where field = 'assignee_id' and holder_id is null), 0
        )::double as unassigned_calendar_seconds,
        sum(business_seconds::decimal(18, 6)) filter (where field = 'assignee_id' and holder_id is null)::double
            as unassigned_business_seconds
    from stations
    group by source_id, ticket_id
)

select * from final
