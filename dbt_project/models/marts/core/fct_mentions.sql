with turns as (
    select * from {{ ref('int_conversations__turn_waits') }}
    where post_id is not null
),

brands as (
    select * from {{ ref('int_brands') }}
),

final as (
    select
        turns.source_id,
        turns.post_id,
        turns.brand_id,
        turns.conversation_id,
        turns.customer_id,
        turns.asked_at as created_at,
        turns.human_replied_at is not null as is_answered,
        turns.human_wait_calendar_seconds as first_human_reply_calendar_seconds,
        turns.any_wait_calendar_seconds as first_any_reply_calendar_seconds,
        brands.observed_end_at as censored_at,
        turns.human_replied_at is null as is_censored
    from turns
    left join brands on turns.brand_id = brands.brand_id
)

select * from final
