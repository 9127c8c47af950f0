with turns as (
    select * from {{ ref('int_conversations__turn_waits') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

end_readings as (
    select * from {{ ref('int_support__end_readings') }}
),

-- The clock as it stood when an unanswered turn was asked.
asked as (
    select
        turn_id,
        asked_at as read_at,
        asked_business_microseconds as business_microseconds,
        asked_scheduled_microseconds as scheduled_microseconds
    from turns
    where human_replied_at is null
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
        turns.turn_number,
        turns.asked_at,
        turns.human_replied_at,
        turns.human_replier_id,
        turns.any_replied_at,
        turns.human_wait_calendar_seconds,
        turns.human_wait_business_seconds,
        turns.any_wait_calendar_seconds,
        turns.any_wait_business_seconds,
        {{ seconds_between('turns.asked_at', 'coalesce(turns.human_replied_at, brands.observed_end_at)') }}
            as human_elapsed_calendar_seconds,
        coalesce(turns.human_wait_business_seconds, {{ business_seconds('asked', 'end_readings') }})
            as human_elapsed_business_seconds,
        brands.observed_end_at as censored_at,
        turns.human_replied_at is null as is_censored,
        coalesce(turns.is_courtesy, false) as is_courtesy,
        openings.exclusion_reason
    from turns
    left join brands on turns.brand_id = brands.brand_id
    left join openings
        on turns.source_id = openings.source_id and turns.ticket_id = openings.ticket_id
    left join asked on turns.turn_id = asked.turn_id
    left join end_readings
        on
            turns.source_id = end_readings.source_id
            and turns.ticket_id = end_readings.ticket_id
            and turns.human_replied_at is null
)

select * from final
