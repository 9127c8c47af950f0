{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- First replies on each ticket's two clocks: public answers strictly later than the ask by (sent_at, message_id). A
-- ticket made from a public post is answered in public as well.
with openings as (
    select * from {{ touched(ref('int_support__openings'), by='tickets') }}
),

messages as (
    select * from {{ touched(ref('int_support__messages'), by='tickets') }}
    where is_public and not is_deleted and not is_after_observation
),

bridged_tickets as (
    select * from {{ touched(ref('int_conversations__members'), by='tickets') }}
    where is_bridged
),

public_answers as (
    select * from {{ ref('int_conversations__messages') }}
    where post_id is not null and answers_customer and not is_deleted and not is_after_observation
),

answers as (
    select
        source_id,
        ticket_id,
        message_id,
        sent_at,
        actor_kind,
        true as is_of_ticket
    from messages
    where actor_kind in ('human_agent', 'bot')
    union all
    select
        bridged_tickets.source_id,
        bridged_tickets.ticket_id,
        public_answers.message_id,
        public_answers.sent_at,
        public_answers.actor_kind,
        false as is_of_ticket
    from bridged_tickets
    inner join public_answers on bridged_tickets.conversation_id = public_answers.conversation_id
),

final as (
    select
        openings.source_id,
        openings.ticket_id,
        min(answers.sent_at) filter (where answers.actor_kind = 'human_agent') as first_human_reply_at,
        min(answers.sent_at) as first_any_reply_at,
        count(*) filter (where answers.actor_kind = 'human_agent' and answers.is_of_ticket) as n_public_human_replies
    from openings
    inner join answers
        on openings.source_id = answers.source_id and openings.ticket_id = answers.ticket_id
    where (answers.sent_at, answers.message_id) > (openings.asked_at, openings.ask_message_id)
    group by all
)

select * from final
