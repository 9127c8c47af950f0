with turns as (
    select * from {{ ref('int_conversations__turns') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
),

readings as (
    select * from {{ ref('int_support__clock_readings') }}
),

final as (
    select
        turns.source_id,
        turns.turn_id,
        turns.conversation_id,
        turns.ticket_id,
        turns.post_id,
        turns.customer_id,
        turns.brand_id,
        turns.channel,
        row_number() over (
            partition by turns.conversation_id
            order by turns.asked_at, turns.message_id
        ) as turn_number,
        turns.asked_at,
        turns.human_replied_at,
        turns.human_replier_id,
        turns.any_replied_at,
        {{ seconds_between('turns.asked_at', 'turns.human_replied_at') }} as human_wait_calendar_seconds,
        {{ business_seconds('asked', 'human_replied') }} as human_wait_business_seconds,
        {{ seconds_between('turns.asked_at', 'turns.any_replied_at') }} as any_wait_calendar_seconds,
        {{ business_seconds('asked', 'any_replied') }} as any_wait_business_seconds,
        {{ seconds_between('turns.asked_at', 'coalesce(turns.human_replied_at, turns.observed_end_at)') }}
            as human_elapsed_calendar_seconds,
        {{ business_seconds('asked', 'human_ended') }} as human_elapsed_business_seconds,
        turns.observed_end_at as censored_at,
        turns.human_replied_at is null as is_censored,
        openings.exclusion_reason
    from turns
    left join openings
        on turns.source_id = openings.source_id and turns.ticket_id = openings.ticket_id
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
    left join readings as human_ended
        on
            turns.source_id = human_ended.source_id
            and turns.ticket_id = human_ended.ticket_id
            and coalesce(turns.human_replied_at, turns.observed_end_at) = human_ended.read_at
    left join readings as any_replied
        on
            turns.source_id = any_replied.source_id
            and turns.ticket_id = any_replied.ticket_id
            and turns.any_replied_at = any_replied.read_at
)

select * from final
