with turns as (
    select * from {{ ref('int_conversations__turns') }}
    where post_id is not null
),

final as (
    select
        source_id,
        post_id,
        brand_id,
        conversation_id,
        customer_id,
        asked_at as created_at,
        human_replied_at is not null as is_answered,
        {{ seconds_between('asked_at', 'human_replied_at') }} as first_human_reply_calendar_seconds,
        {{ seconds_between('asked_at', 'any_replied_at') }} as first_any_reply_calendar_seconds,
        observed_end_at as censored_at,
        human_replied_at is null as is_censored
    from turns
)

select * from final
