-- A customer enters at the first action towards a brand and stays for as long as the outcome window is watched.
with messages as (
    select * from {{ ref('fct_messages') }}
    where customer_id is not null and not is_after_observation
),

outcomes as (
    select * from {{ ref('fct_outcomes') }}
    where customer_id is not null or account_id is not null
),

run as (
    select * from {{ source('run', 'context') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

outcome_kinds as (
    select * from {{ source('run', 'outcome_kinds') }}
),

{{ unit_outcomes() }},

actions as (
    select
        units.customer_unit_id as customer_id,
        messages.brand_id,
        messages.sent_at as acted_at
    from messages
    inner join units on messages.customer_id = units.customer_id
    union all
    select
        unit_outcomes.customer_id,
        unit_outcomes.brand_id,
        unit_outcomes.occurred_at as acted_at
    from unit_outcomes
    where unit_outcomes.kind in (select outcome_kinds.kind from outcome_kinds)
),

first_actions as (
    select
        actions.customer_id,
        actions.brand_id,
        min(actions.acted_at) as first_action_at
    from actions
    inner join brands on actions.brand_id = brands.brand_id
    where actions.acted_at <= brands.observed_end_at
    group by all
),

-- The last week is the last that still leaves the whole horizon before the end of observation.
bounded as (
    select
        first_actions.*,
        {{ brand_week('first_actions.first_action_at', 'brands.time_zone') }} as first_week,
        {{ brand_week('brands.observed_end_at', 'brands.time_zone') }}
        - (7 * (plan.horizon_weeks + 1))::integer as last_week
    from first_actions
    inner join brands on first_actions.brand_id = brands.brand_id
    cross join plan
),

final as (
    select
        customer_id,
        brand_id,
        first_action_at,
        first_week,
        last_week
    from bounded
    where first_week <= last_week
)

select * from final
