with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

messages as (
    select * from {{ ref('int_support__messages') }}
    where is_public and not is_deleted and not is_after_observation
),

users as (
    select * from {{ ref('int_support__users') }}
),

ticket_times as (
    select * from {{ ref('int_support__ticket_times') }}
),

first_messages as (
    select
        source_id,
        ticket_id,
        actor_kind
    from messages
    qualify row_number() over (partition by source_id, ticket_id order by sent_at, message_id) = 1
),

first_asks as (
    select
        source_id,
        ticket_id,
        sent_at as asked_at,
        message_id
    from messages
    where actor_kind = 'customer'
    qualify row_number() over (partition by source_id, ticket_id order by sent_at, message_id) = 1
),

-- A ticket without any public message was still asked when it was created.
openings as (
    select
        tickets.source_id,
        tickets.ticket_id,
        coalesce(first_asks.asked_at, tickets.created_at) as asked_at,
        coalesce(first_asks.message_id, '') as message_id,
        coalesce(first_messages.actor_kind, tickets.requester_kind) as opener_kind
    from tickets
    left join first_messages
        on tickets.source_id = first_messages.source_id and tickets.ticket_id = first_messages.ticket_id
    left join first_asks
        on tickets.source_id = first_asks.source_id and tickets.ticket_id = first_asks.ticket_id
),

replies as (
    select
        openings.source_id,
        openings.ticket_id,
        min(messages.sent_at) filter (where messages.actor_kind = 'human_agent') as first_human_reply_at,
        min(messages.sent_at) as first_any_reply_at,
        count(*) filter (where messages.actor_kind = 'human_agent') as n_public_human_replies
    from openings
    inner join messages
        on openings.source_id = messages.source_id and openings.ticket_id = messages.ticket_id
    where
        messages.actor_kind in ('human_agent', 'bot')
        and (messages.sent_at, messages.message_id) > (openings.asked_at, openings.message_id)
    group by all
),

classified as (
    select
        tickets.*,
        openings.asked_at,
        coalesce(tickets.is_proactive, false) or openings.opener_kind in ('human_agent', 'bot', 'system')
            as is_company_opened,
        openings.opener_kind,
        tickets.merged_into_ticket_id is not null as is_merged
    from tickets
    inner join openings
        on tickets.source_id = openings.source_id and tickets.ticket_id = openings.ticket_id
),

-- The first reason that holds is the one named.
measured as (
    select
        classified.*,
        case
            when classified.deleted_at is not null then 'deleted'
            when classified.is_spam then 'spam'
            when classified.is_test then 'test'
            when classified.is_merged then 'merged'
            when classified.is_company_opened then 'company_opened'
            when classified.opener_kind = 'unknown' then 'unknown_requester'
            when classified.asked_at > classified.observed_end_at then 'after_observation'
        end as exclusion_reason
    from classified
),

final as (
    select
        measured.source_id,
        measured.ticket_id,
        measured.brand_id,
        measured.customer_id,
        measured.queue,
        measured.channel,
        measured.status,
        measured.priority,
        measured.group_id,
        assignees.person_id as assignee_id,
        measured.tags,
        measured.created_at,
        measured.asked_at,
        measured.merged_into_ticket_id,
        case
            when measured.exclusion_reason is null
                then {{ seconds_between('measured.asked_at', 'replies.first_human_reply_at') }}
        end as first_human_reply_calendar_seconds,
        case
            when measured.exclusion_reason is null
                then {{ seconds_between('measured.asked_at', 'replies.first_any_reply_at') }}
        end as first_any_reply_calendar_seconds,
        {{ seconds_between('measured.created_at', 'ticket_times.first_resolved_at') }}
            as first_resolution_calendar_seconds,
        {{ seconds_between('measured.created_at', 'ticket_times.fully_resolved_at') }}
            as full_resolution_calendar_seconds,
        ticket_times.requester_wait_calendar_seconds,
        ticket_times.agent_wait_calendar_seconds,
        coalesce(replies.n_public_human_replies, 0) as n_public_human_replies,
        ticket_times.n_reopens,
        ticket_times.n_handoffs,
        measured.is_merged,
        measured.is_company_opened as is_proactive,
        measured.exclusion_reason,
        measured.exclusion_reason is null and replies.first_human_reply_at is null as is_censored
    from measured
    inner join ticket_times
        on measured.source_id = ticket_times.source_id and measured.ticket_id = ticket_times.ticket_id
    left join replies
        on measured.source_id = replies.source_id and measured.ticket_id = replies.ticket_id
    left join users as assignees
        on measured.source_id = assignees.source_id and measured.assignee_id = assignees.user_id
)

select * from final
