{{ config(materialized='incremental', incremental_strategy='dirty_conversations') }}

-- Turns with their waits on both clocks. Business time needs the ticket that the turn was asked on.
with turns as (
    select * from {{ touched(ref('int_conversations__turns'), by='conversations') }}
),

readings as (
    select * from {{ ref('int_support__clock_readings') }}
),

final as (
    select
        turns.source_id,
        turns.conversation_id,
        turns.turn_id,
        turns.message_id,
        turns.ticket_id,
        turns.post_id,
        turns.brand_id,
        turns.channel,
        turns.author_id,
        turns.customer_id,
        turns.is_courtesy,
        turns.asked_at,
        turns.human_replied_at,
        turns.human_replier_id,
        turns.any_replied_at,
        row_number() over (
            partition by turns.conversation_id
            order by turns.asked_at, turns.message_id
        ) as turn_number,
        {{ seconds_between('turns.asked_at', 'turns.human_replied_at') }} as human_wait_calendar_seconds,
        {{ business_seconds('asked', 'human_replied') }} as human_wait_business_seconds,
        {{ seconds_between('turns.asked_at', 'turns.any_replied_at') }} as any_wait_calendar_seconds,
        {{ business_seconds('asked', 'any_replied') }} as any_wait_business_seconds,
        asked.business_microseconds as asked_business_microseconds,
        asked.scheduled_microseconds as asked_scheduled_microseconds
    from turns
    left join readings as asked
        on
            turns.source_id = asked.source_id
            and turns.ticket_id = asked.ticket_id
            and turns.asked_at = asked.read_at
    left join readings as human_replied
        on
            turns.source_id = human_replied.source_id
            and turns.ticket_id = human_replied.ticket_id
            and turns.human_replied_at = human_replied.read_at
    left join readings as any_replied
        on
            turns.source_id = any_replied.source_id
            and turns.ticket_id = any_replied.ticket_id
            and turns.any_replied_at = any_replied.read_at
)

select * from final
