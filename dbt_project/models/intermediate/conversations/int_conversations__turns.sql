{{ config(materialized='incremental', incremental_strategy='dirty_conversations') }}

-- Customer turns that await a reply. Within a conversation, counting the human answers before each
-- message numbers the turns: a customer's messages with the same count are one turn, and the next
-- human answer ends it. Order is (sent_at, message_id), so ties are settled the same way everywhere.
with messages as (
    select * from {{ touched(ref('int_conversations__messages'), by='conversations') }}
    where
        is_public
        and not is_deleted
        and not is_after_observation
),

numbered as (
    select
        *,
        count(*) filter (where actor_kind = 'human_agent') over earlier as n_human_answers_before,
        count(*) filter (where actor_kind in ('human_agent', 'bot')) over earlier as n_any_answers_before
    from messages
    window earlier as (
        partition by conversation_id
        order by sent_at, message_id
        rows between unbounded preceding and 1 preceding
    )
),

asks as (
    select *
    from numbered
    where asks_brand
    qualify row_number() over (
        partition by conversation_id, coalesce(customer_id, author_id), n_human_answers_before
        order by sent_at, message_id
    ) = 1
),

human_answers as (
    select
        conversation_id,
        n_human_answers_before,
        sent_at as human_replied_at,
        author_id as human_replier_id
    from numbered
    where actor_kind = 'human_agent'
),

any_answers as (
    select
        conversation_id,
        n_any_answers_before,
        sent_at as any_replied_at
    from numbered
    where actor_kind in ('human_agent', 'bot')
),

final as (
    select
        asks.source_id,
        asks.conversation_id,
        asks.source_id || ':' || asks.message_id || case when asks.post_id is null then '' else '@' || asks.brand_id end
            as turn_id,
        asks.message_id,
        asks.ticket_id,
        asks.post_id,
        asks.brand_id,
        asks.channel,
        asks.author_id,
        asks.customer_id,
        asks.sent_at as asked_at,
        human_answers.human_replied_at,
        human_answers.human_replier_id,
        any_answers.any_replied_at
    from asks
    left join human_answers
        on
            asks.conversation_id = human_answers.conversation_id
            and asks.n_human_answers_before = human_answers.n_human_answers_before
    left join any_answers
        on
            asks.conversation_id = any_answers.conversation_id
            and asks.n_any_answers_before = any_answers.n_any_answers_before
)

select * from final
