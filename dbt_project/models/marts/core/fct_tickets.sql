{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

with tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

openings as (
    select * from {{ touched(ref('int_support__openings'), by='tickets') }}
),

replies as (
    select * from {{ touched(ref('int_support__replies'), by='tickets') }}
),

merged_tickets as (
    select * from {{ touched(ref('int_support__merges'), by='tickets') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

ticket_times as (
    select * from {{ touched(ref('int_support__ticket_times'), by='tickets') }}
),

sources as (
    select * from {{ ref('int_support__sources') }}
),

holders as (
    select holders.*
    from {{ touched(ref('int_support__holders'), by='tickets') }} as holders
    inner join sources on holders.source_id = sources.source_id and sources.has_changes
),

readings as (
    select * from {{ touched(ref('int_support__clock_readings'), by='tickets') }}
),

turns as (
    select * from {{ touched(ref('fct_response_turns'), by='tickets') }}
    where ticket_id is not null and exclusion_reason is null
),

replied_turns as (
    select
        source_id,
        ticket_id,
        count(*) as n_turns,
        {% for clock in ['calendar', 'business'] %}
            sum(human_wait_{{ clock }}_seconds::decimal(18, 6))::double as total_human_reply_{{ clock }}_seconds,
            (
                sum(human_wait_{{ clock }}_seconds::decimal(18, 6)) filter (where turn_number > 1)
                / count(human_wait_{{ clock }}_seconds) filter (where turn_number > 1)
            )::double as mean_next_human_reply_{{ clock }}_seconds,
        {% endfor %}
        count(*) filter (where is_censored) > 0 as awaits_reply
    from turns
    group by source_id, ticket_id
),

measured as (
    select
        openings.source_id,
        openings.ticket_id,
        {{ seconds_between('openings.asked_at', 'replies.first_human_reply_at') }}
            as first_human_reply_calendar_seconds,
        {{ business_seconds('asked', 'human_replied') }} as first_human_reply_business_seconds,
        {{ seconds_between('openings.asked_at', 'replies.first_any_reply_at') }} as first_any_reply_calendar_seconds,
        {{ business_seconds('asked', 'any_replied') }} as first_any_reply_business_seconds
    from openings
    inner join replies
        on openings.source_id = replies.source_id and openings.ticket_id = replies.ticket_id
    left join readings as asked
        on
            openings.source_id = asked.source_id
            and openings.ticket_id = asked.ticket_id
            and openings.asked_at = asked.read_at
    left join readings as human_replied
        on
            openings.source_id = human_replied.source_id
            and openings.ticket_id = human_replied.ticket_id
            and replies.first_human_reply_at = human_replied.read_at
    left join readings as any_replied
        on
            openings.source_id = any_replied.source_id
            and openings.ticket_id = any_replied.ticket_id
            and replies.first_any_reply_at = any_replied.read_at
    where openings.exclusion_reason is null
),

-- What is deleted, spam, a test or merged away is counted, and in no metric at all.
timed as (
    select ticket_times.*
    from ticket_times
    inner join openings
        on ticket_times.source_id = openings.source_id and ticket_times.ticket_id = openings.ticket_id
    inner join sources on ticket_times.source_id = sources.source_id and sources.has_changes
    where coalesce(openings.exclusion_reason not in ('deleted', 'spam', 'test', 'merged'), true)
),

final as (
    select
        tickets.source_id,
        tickets.ticket_id,
        tickets.brand_id,
        tickets.customer_id,
        tickets.queue,
        tickets.channel,
        tickets.status,
        tickets.priority,
        tickets.group_id,
        assignees.person_id as assignee_id,
        tickets.schedule_id,
        tickets.tags,
        tickets.source_url,
        tickets.social_post_id,
        tickets.created_at,
        openings.asked_at,
        tickets.merged_into_ticket_id,
        merged_tickets.survivor_ticket_id,
        coalesce(merged_tickets.is_merge_cycle, false) as is_merge_cycle,
        measured.first_human_reply_calendar_seconds,
        measured.first_human_reply_business_seconds,
        measured.first_any_reply_calendar_seconds,
        measured.first_any_reply_business_seconds,
        replied_turns.mean_next_human_reply_calendar_seconds,
        replied_turns.mean_next_human_reply_business_seconds,
        replied_turns.total_human_reply_calendar_seconds,
        replied_turns.total_human_reply_business_seconds,
        timed.first_resolution_calendar_seconds,
        timed.first_resolution_business_seconds,
        timed.full_resolution_calendar_seconds,
        timed.full_resolution_business_seconds,
        timed.requester_wait_calendar_seconds,
        timed.requester_wait_business_seconds,
        timed.agent_wait_calendar_seconds,
        timed.agent_wait_business_seconds,
        timed.new_calendar_seconds,
        timed.new_business_seconds,
        timed.open_calendar_seconds,
        timed.open_business_seconds,
        timed.hold_calendar_seconds,
        timed.hold_business_seconds,
        holders.unassigned_calendar_seconds,
        holders.unassigned_business_seconds,
        case when sources.has_messages then coalesce(replied_turns.n_turns, 0) end as n_turns,
        case when sources.has_messages then coalesce(replies.n_public_human_replies, 0) end as n_public_human_replies,
        case
            when timed.fully_resolved_at is null or not sources.has_messages then null
            when coalesce(replies.n_public_human_replies, 0) = 0 then 'no_touch'
            when replies.n_public_human_replies = 1 then 'one_touch'
            when replies.n_public_human_replies = 2 then 'two_touch'
            else 'multi_touch'
        end as touch_kind,
        timed.n_reopens,
        holders.n_handoffs,
        holders.n_group_stations,
        holders.n_assignee_stations,
        openings.is_merged,
        openings.is_company_opened as is_proactive,
        openings.exclusion_reason,
        case when sources.has_messages then coalesce(replied_turns.awaits_reply, false) end as awaits_reply,
        case
            when sources.has_messages then openings.exclusion_reason is null and replies.first_human_reply_at is null
        end as is_censored
    from tickets
    inner join openings
        on tickets.source_id = openings.source_id and tickets.ticket_id = openings.ticket_id
    inner join sources on tickets.source_id = sources.source_id
    left join measured
        on tickets.source_id = measured.source_id and tickets.ticket_id = measured.ticket_id
    left join timed
        on tickets.source_id = timed.source_id and tickets.ticket_id = timed.ticket_id
    left join holders
        on timed.source_id = holders.source_id and timed.ticket_id = holders.ticket_id
    left join replies
        on tickets.source_id = replies.source_id and tickets.ticket_id = replies.ticket_id
    left join replied_turns
        on tickets.source_id = replied_turns.source_id and tickets.ticket_id = replied_turns.ticket_id
    left join merged_tickets
        on tickets.source_id = merged_tickets.source_id and tickets.ticket_id = merged_tickets.ticket_id
    left join users as assignees
        on tickets.source_id = assignees.source_id and tickets.assignee_id = assignees.user_id
)

select * from final
