{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- Who held each ticket: hand-offs, stations of groups and assignees, and the time it waited unassigned.
with stations as (
    select * from {{ touched(ref('int_support__stations'), by='tickets') }}
),

scheduled as (
    select distinct
        source_id,
        ticket_id
    from {{ touched(ref('int_support__clock_readings'), by='tickets') }}
),

held as (
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
),

final as (
    select
        held.source_id,
        held.ticket_id,
        held.n_handoffs,
        held.n_assignee_stations,
        held.n_group_stations,
        held.first_assigned_at,
        held.unassigned_calendar_seconds,
        case
            when held.unassigned_calendar_seconds > 0 then held.unassigned_business_seconds
            when scheduled.ticket_id is not null then 0.0::double
        end as unassigned_business_seconds
    from held
    left join scheduled
        on held.source_id = scheduled.source_id and held.ticket_id = scheduled.ticket_id
)

select * from final
