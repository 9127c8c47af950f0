{{ config(materialized='incremental', incremental_strategy='dirty_conversations') }}

-- Customer turns that await a reply. Of a customer's messages that wait for the same human answer, the first
-- opens the turn and that answer ends it. Order is (sent_at, message_id), so ties are settled the same way
-- everywhere; where a ticket repeats the post it was made from, the post goes first.
with messages as (
    select * from {{ touched(ref('int_conversations__messages'), by='conversations') }}
    where
        is_public
        and not is_deleted
        and not is_after_observation
),

placed as (
    select
        *,
        coalesce(customer_id, author_id) as asker_id,
        answers_customer and actor_kind = 'human_agent' as is_human_answer,
        row_number() over (
            partition by conversation_id
            order by sent_at, post_id is null, message_id, source_id
        ) as place_number
    from messages
),

-- An answer without a listener is heard by everyone in the conversation.
awaited as (
    select
        *,
        least(
            min(place_number) filter (where is_human_answer and listener_id is null) over later_to_all,
            min(place_number) filter (where is_human_answer and listener_id is not null) over later_to_listener
        ) as human_answer_place,
        least(
            min(place_number) filter (where answers_customer and listener_id is null) over later_to_all,
            min(place_number) filter (where answers_customer and listener_id is not null) over later_to_listener
        ) as any_answer_place
    from placed
    window
        later_to_all as (
            partition by conversation_id
            order by place_number desc
            rows between unbounded preceding and 1 preceding
        ),
        later_to_listener as (
            partition by conversation_id, listener_id
            order by place_number desc
            rows between unbounded preceding and 1 preceding
        )
),

asks as (
    select *
    from awaited
    where asks_brand
    qualify row_number() over (
        partition by conversation_id, asker_id, human_answer_place
        order by place_number
    ) = 1
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
        asks.is_courtesy,
        asks.sent_at as asked_at,
        human_answers.sent_at as human_replied_at,
        human_answers.author_id as human_replier_id,
        any_answers.sent_at as any_replied_at
    from asks
    left join placed as human_answers
        on
            asks.conversation_id = human_answers.conversation_id
            and asks.human_answer_place = human_answers.place_number
    left join placed as any_answers
        on
            asks.conversation_id = any_answers.conversation_id
            and asks.any_answer_place = any_answers.place_number
)

select * from final
