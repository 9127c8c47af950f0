with turns as (
    select * from {{ ref('int_conversations__turns') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

final as (
    select
        turns.source_id,
        turns.turn_id,
        turns.ticket_id,
        turns.post_id,
        turns.customer_id,
        turns.brand_id,
        turns.channel,
        turns.asked_at,
        turns.human_replied_at,
        turns.human_replier_id,
        turns.any_replied_at,
        {{ seconds_between('turns.asked_at', 'turns.human_replied_at') }} as human_wait_calendar_seconds,
        {{ seconds_between('turns.asked_at', 'turns.any_replied_at') }} as any_wait_calendar_seconds,
        turns.observed_end_at as censored_at,
        turns.human_replied_at is null as is_censored,
        tickets.exclusion_reason
    from turns
    left join tickets
        on turns.source_id = tickets.source_id and turns.ticket_id = tickets.ticket_id
)

select * from final
