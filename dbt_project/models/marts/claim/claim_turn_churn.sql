{{ config(schema='intermediate') }}
-- Not published: the landmark of each turn. Whoever subscribes when asking either still does at the window's end or
-- has left; who was not watched that long is unknown. A plan that replaces another is no departure.
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

turns as (
    select * from {{ ref('fct_response_turns') }}
),

subscriptions as (
    select * from {{ ref('fct_subscriptions') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

unit_subscriptions as (
    select
        {{ customer_unit('subscriptions') }} as customer_id,
        subscriptions.started_at,
        coalesce(subscriptions.ended_at, 'infinity'::timestamptz) as ended_at
    from subscriptions
    cross join plan
    cross join run
    left join units on subscriptions.customer_id = units.customer_id
),

watched as (
    select
        doses.turn_id,
        doses.customer_id,
        turns.asked_at,
        turns.asked_at + to_days(7 * plan.churn_horizon_weeks) as window_end_at
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    cross join plan
    where turns.asked_at + to_days(7 * plan.churn_horizon_weeks) <= turns.censored_at
),

final as (
    select
        watched.turn_id,
        not bool_or(
            unit_subscriptions.started_at <= watched.window_end_at
            and unit_subscriptions.ended_at > watched.window_end_at
        ) as is_churned
    from watched
    inner join unit_subscriptions on watched.customer_id = unit_subscriptions.customer_id
    group by watched.turn_id
    having bool_or(unit_subscriptions.started_at <= watched.asked_at and unit_subscriptions.ended_at > watched.asked_at)
)

select * from final
