{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- First replies on each ticket's two clocks: public messages strictly later than the ask by (sent_at, message_id).
with openings as (
    select * from {{ touched(ref('int_support__openings'), by='tickets') }}
),

messages as (
    select * from {{ touched(ref('int_support__messages'), by='tickets') }}
    where is_public and not is_deleted and not is_after_observation
),

final as (
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
        and (messages.sent_at, messages.message_id) > (openings.asked_at, openings.ask_message_id)
    group by all
)

select * from final
