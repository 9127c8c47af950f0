-- When the clock of each metric ran on each ticket: [starts_at, ends_at), ends_at null while it runs. Replies are
-- awaited in one run; the clocks of statuses pause and run again. Tickets of sources without policies have none.
with openings as (
    select * from {{ ref('int_support__openings') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

replies as (
    select * from {{ ref('int_support__replies') }}
),

turns as (
    select * from {{ ref('int_conversations__turns') }}
    where ticket_id is not null
),

statuses as (
    select * from {{ ref('int_support__status_intervals') }}
),

policies as (
    select * from {{ ref('input_support__sla_policies') }}
),

timed_tickets as (
    select
        openings.*,
        tickets.observed_end_at
    from openings
    inner join tickets
        on openings.source_id = tickets.source_id and openings.ticket_id = tickets.ticket_id
    semi join policies on openings.source_id = policies.source_id
    where
        openings.created_at <= tickets.observed_end_at
        and coalesce(openings.exclusion_reason not in ('deleted', 'spam', 'test', 'merged'), true)
),

first_replies as (
    select
        timed_tickets.source_id,
        timed_tickets.ticket_id,
        'first_reply' as metric,
        1 as instance_number,
        turns.turn_id,
        timed_tickets.asked_at as starts_at,
        replies.first_human_reply_at as ends_at
    from timed_tickets
    left join replies
        on timed_tickets.source_id = replies.source_id and timed_tickets.ticket_id = replies.ticket_id
    left join turns
        on
            timed_tickets.source_id = turns.source_id
            and timed_tickets.ticket_id = turns.ticket_id
            and timed_tickets.ask_message_id = turns.message_id
    where timed_tickets.exclusion_reason is null
),

next_replies as (
    select
        turns.source_id,
        turns.ticket_id,
        'next_reply' as metric,
        row_number() over (
            partition by turns.source_id, turns.ticket_id
            order by turns.asked_at, turns.message_id
        ) as instance_number,
        turns.turn_id,
        turns.asked_at as starts_at,
        turns.human_replied_at as ends_at
    from turns
    inner join timed_tickets
        on turns.source_id = timed_tickets.source_id and turns.ticket_id = timed_tickets.ticket_id
    where timed_tickets.exclusion_reason is null and turns.message_id <> timed_tickets.ask_message_id
),

running_statuses as (
    select
        statuses.source_id,
        statuses.ticket_id,
        statuses.interval_number,
        statuses.starts_at,
        statuses.ends_at,
        unnest(
            case
                when statuses.waiting_side = 'agent' then ['resolution']
                when statuses.status = 'hold' then ['resolution', 'requester_wait']
                else ['resolution', 'requester_wait', 'agent_work']
            end
        ) as metric
    from statuses
    inner join timed_tickets
        on statuses.source_id = timed_tickets.source_id and statuses.ticket_id = timed_tickets.ticket_id
    where statuses.waiting_side is not null and statuses.starts_at <= timed_tickets.observed_end_at
),

marked as (
    select
        *,
        coalesce(starts_at <> lag(ends_at) over in_order, true) as starts_run
    from running_statuses
    window in_order as (
        partition by source_id, ticket_id, metric
        order by interval_number
    )
),

numbered as (
    select
        *,
        count(*) filter (where starts_run) over (
            partition by source_id, ticket_id, metric
            order by interval_number
            rows unbounded preceding
        ) as status_run_number
    from marked
),

merged as (
    select
        source_id,
        ticket_id,
        metric,
        min(starts_at) as starts_at,
        case when bool_and(ends_at is not null) then max(ends_at) end as ends_at
    from numbered
    group by source_id, ticket_id, metric, status_run_number
),

-- Statuses left in the instant they were set ran for no time; they count only where there are no others.
status_runs as (
    select *
    from merged
    qualify
        starts_at is distinct from ends_at
        or bool_and(starts_at is not distinct from ends_at) over (partition by source_id, ticket_id, metric)
),

-- Status clocks are over once nobody waits; a deletion ends them unfulfilled.
followed as (
    select
        *,
        lead(status) over (partition by source_id, ticket_id order by interval_number) as next_status
    from statuses
),

endings as (
    select
        source_id,
        ticket_id,
        case when bool_and(ends_at is not null) then max(ends_at) end as over_at,
        coalesce(max_by(next_status, interval_number) = 'deleted', false) as is_ended_by_deletion
    from followed
    where waiting_side is not null
    group by source_id, ticket_id
),

runs as (
    select
        *,
        ends_at as over_at,
        ends_at as fulfilled_at
    from first_replies
    union all
    select
        *,
        ends_at as over_at,
        ends_at as fulfilled_at
    from next_replies
    union all
    select
        status_runs.source_id,
        status_runs.ticket_id,
        status_runs.metric,
        1 as instance_number,
        null as turn_id,
        status_runs.starts_at,
        status_runs.ends_at,
        endings.over_at,
        case when not endings.is_ended_by_deletion then endings.over_at end as fulfilled_at
    from status_runs
    inner join endings
        on status_runs.source_id = endings.source_id and status_runs.ticket_id = endings.ticket_id
),

final as (
    select
        runs.*,
        coalesce(runs.ends_at, timed_tickets.observed_end_at) as measured_until,
        row_number() over in_order as run_number,
        lead(runs.starts_at) over in_order is null as is_last_run
    from runs
    inner join timed_tickets
        on runs.source_id = timed_tickets.source_id and runs.ticket_id = timed_tickets.ticket_id
    window in_order as (
        partition by runs.source_id, runs.ticket_id, runs.metric, runs.instance_number
        order by runs.starts_at
    )
)

select * from final
