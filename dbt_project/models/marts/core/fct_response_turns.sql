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

watched as (
    select
        turns.*,
        openings.exclusion_reason,
        brands.observed_end_at,
        -- The clock as it stood when the turn was asked, in the shape of a reading.
        {
            'read_at': turns.asked_at,
            'business_microseconds': turns.asked_business_microseconds,
            'scheduled_microseconds': turns.asked_scheduled_microseconds
        } as asked,
        end_readings as ended
    from turns
    left join brands on turns.brand_id = brands.brand_id
    left join openings
        on turns.source_id = openings.source_id and turns.ticket_id = openings.ticket_id
    left join end_readings
        on
            turns.source_id = end_readings.source_id
            and turns.ticket_id = end_readings.ticket_id
            and turns.human_replied_at is null
),

final as (
    select
        source_id,
        turn_id,
        conversation_id,
        ticket_id,
        post_id,
        customer_id,
        brand_id,
        channel,
        turn_number,
        asked_at,
        human_replied_at,
        human_replier_id,
        any_replied_at,
        human_wait_calendar_seconds,
        human_wait_business_seconds,
        any_wait_calendar_seconds,
        any_wait_business_seconds,
        {{ seconds_between('asked_at', 'coalesce(human_replied_at, observed_end_at)') }}
            as human_elapsed_calendar_seconds,
        coalesce(human_wait_business_seconds, {{ business_seconds('asked', 'ended') }})
            as human_elapsed_business_seconds,
        observed_end_at as censored_at,
        human_replied_at is null as is_censored,
        coalesce(is_courtesy, false) as is_courtesy,
        exclusion_reason
    from watched
)

select * from final
