-- All that a ticket's facts are made of, as one number that changes when any of it does: its row, messages and
-- changes with who acted, merges, schedules, service targets and conversation. Sums do not depend on the order of
-- rows. The end of observation, which moves with every run, does not count.
with tickets as (
    select * exclude (observed_end_at) from {{ ref('int_support__tickets') }}
),

ticket_ends as (
    select * from {{ ref('int_support__tickets') }}
),

messages as (
    select * exclude (observed_end_at, is_after_observation) from {{ ref('int_support__messages') }}
),

changes as (
    select * from {{ ref('input_support__ticket_changes') }}
),

merged_tickets as (
    select * from {{ ref('int_support__merges') }}
),

policies as (
    select * from {{ ref('input_support__sla_policies') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

sources as (
    select * from {{ ref('int_support__sources') }}
),

schedules as (
    select * from {{ ref('int_changes__schedules') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

members as (
    select * from {{ ref('int_conversations__members') }}
    where ticket_id is not null
),

policies_of_source as (
    select
        source_id,
        sum(hash(policies)) as fingerprint
    from policies
    group by source_id
),

schedule_names as (
    select
        source_id,
        ticket_id,
        schedule_id
    from tickets
    union
    select
        source_id,
        ticket_id,
        unnest([old_value, new_value]) as schedule_id
    from changes
    where field = 'schedule_id'
),

parts as (
    select
        tickets.source_id,
        tickets.ticket_id,
        coalesce(tickets.deleted_at, tickets.created_at) as happened_at,
        hash(
            tickets,  -- noqa: RF02
            sources,  -- noqa: RF02
            brands.observed_until,
            assignees.person_id,
            policies_of_source.fingerprint
        ) as part
    from tickets
    inner join sources on tickets.source_id = sources.source_id
    left join brands on tickets.brand_id = brands.brand_id
    left join users as assignees
        on tickets.source_id = assignees.source_id and tickets.assignee_id = assignees.user_id
    left join policies_of_source on tickets.source_id = policies_of_source.source_id
    union all
    select
        source_id,
        ticket_id,
        sent_at as happened_at,
        hash(messages) as part
    from messages
    union all
    select
        source_id,
        ticket_id,
        changed_at as happened_at,
        hash(changes) as part
    from changes
    union all
    select
        source_id,
        ticket_id,
        null as happened_at,
        hash(merged_tickets) as part
    from merged_tickets
    union all
    select
        source_id,
        ticket_id,
        null as happened_at,
        hash(members) as part
    from members
    union all
    select
        schedule_names.source_id,
        schedule_names.ticket_id,
        null as happened_at,
        hash(schedules) as part  -- noqa: RF02
    from schedule_names
    inner join schedules
        on
            schedule_names.source_id = schedules.source_id
            and schedule_names.schedule_id = schedules.schedule_id
),

final as (
    select
        parts.source_id,
        parts.ticket_id,
        any_value(members.conversation_id) as conversation_id,
        sum(parts.part) as fingerprint,
        coalesce(bool_or(parts.happened_at > ticket_ends.observed_end_at), true) as is_beyond_observation
    from parts
    left join ticket_ends
        on parts.source_id = ticket_ends.source_id and parts.ticket_id = ticket_ends.ticket_id
    left join members
        on parts.source_id = members.source_id and parts.ticket_id = members.ticket_id
    group by parts.source_id, parts.ticket_id
)

select * from final
