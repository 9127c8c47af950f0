{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- How each ticket began: when the customer first asked, who opened it, and why it is out of metrics if it is.
with tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

messages as (
    select * from {{ touched(ref('int_support__messages'), by='tickets') }}
    where is_public and not is_deleted and not is_after_observation
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
        sent_at,
        message_id
    from messages
    where actor_kind = 'customer'
    qualify row_number() over (partition by source_id, ticket_id order by sent_at, message_id) = 1
),

-- A ticket without any public message was still asked when it was created.
opened as (
    select
        tickets.*,
        coalesce(first_asks.sent_at, tickets.created_at) as asked_at,
        coalesce(first_asks.message_id, '') as ask_message_id,
        coalesce(first_messages.actor_kind, tickets.requester_kind) as opener_kind
    from tickets
    left join first_messages
        on tickets.source_id = first_messages.source_id and tickets.ticket_id = first_messages.ticket_id
    left join first_asks
        on tickets.source_id = first_asks.source_id and tickets.ticket_id = first_asks.ticket_id
),

classified as (
    select
        *,
        merged_into_ticket_id is not null as is_merged,
        coalesce(is_proactive, false) or opener_kind in ('human_agent', 'bot', 'system') as is_company_opened
    from opened
),

-- The first reason that holds is the one named.
final as (
    select
        source_id,
        ticket_id,
        created_at,
        asked_at,
        ask_message_id,
        opener_kind,
        is_merged,
        is_company_opened,
        case
            when deleted_at is not null then 'deleted'
            when is_spam then 'spam'
            when is_test then 'test'
            when is_merged then 'merged'
            when is_company_opened then 'company_opened'
            when opener_kind = 'unknown' then 'unknown_requester'
            when asked_at > observed_end_at then 'after_observation'
        end as exclusion_reason
    from classified
)

select * from final
