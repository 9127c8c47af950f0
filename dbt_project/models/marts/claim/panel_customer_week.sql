with customers as (
    select * from {{ ref('panel_customers') }}
),

doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

exposure as (
    select * from {{ ref('broadcast_exposure') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
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

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

outcome_kinds as (
    select * from {{ source('run', 'outcome_kinds') }}
),

customer_weeks as (
    select
        customer_id,
        brand_id,
        unnest(generate_series(first_week, last_week, interval 7 day))::date as week_start
    from customers
),

dosed as (
    select
        customer_id,
        brand_id,
        week_start,
        count(*) as n_turns,
        sum(responsiveness)::double as total_responsiveness
    from doses
    group by all
),

exposure_tickets as (
    select distinct
        customer_id,
        brand_id,
        week_start,
        source_id,
        ticket_id
    from doses
    where ticket_id is not null
),

{{ unit_outcomes() }},

-- An event counts for the weeks whose outcome window holds it.
watched_events as (
    select
        unit_outcomes.customer_id,
        unit_outcomes.brand_id,
        unit_outcomes.source_id,
        unit_outcomes.ticket_id,
        {{ brand_week('unit_outcomes.occurred_at', 'brands.time_zone') }}
        - (7 * unnest(range(1, plan.horizon_weeks + 1)))::integer as week_start
    from unit_outcomes
    inner join brands on unit_outcomes.brand_id = brands.brand_id
    cross join plan
    where unit_outcomes.kind in (select outcome_kinds.kind from outcome_kinds) and unit_outcomes.occurred_at <= brands.observed_end_at
),

-- What happens on the exposure's own ticket is part of the exposure, never its outcome.
responded as (
    select distinct
        watched_events.customer_id,
        watched_events.brand_id,
        watched_events.week_start
    from watched_events
    left join exposure_tickets
        on
            watched_events.customer_id = exposure_tickets.customer_id
            and watched_events.brand_id = exposure_tickets.brand_id
            and watched_events.week_start = exposure_tickets.week_start
            and watched_events.source_id = exposure_tickets.source_id
            and watched_events.ticket_id = exposure_tickets.ticket_id
    where exposure_tickets.ticket_id is null
),

final as (
    select
        customer_weeks.customer_id,
        customer_weeks.brand_id,
        customer_weeks.week_start,
        coalesce(dosed.n_turns, 0) as n_turns,
        coalesce(dosed.total_responsiveness, 0) as total_responsiveness,
        exposure.log_adstock_broadcast_days,
        (responded.customer_id is not null)::integer as outcome
    from customer_weeks
    cross join plan
    inner join exposure
        on
            customer_weeks.brand_id = exposure.brand_id
            and customer_weeks.week_start = exposure.week_start
            and plan.primary_adstock_rate = exposure.adstock_rate
    left join dosed
        on
            customer_weeks.customer_id = dosed.customer_id
            and customer_weeks.brand_id = dosed.brand_id
            and customer_weeks.week_start = dosed.week_start
    left join responded
        on
            customer_weeks.customer_id = responded.customer_id
            and customer_weeks.brand_id = responded.brand_id
            and customer_weeks.week_start = responded.week_start
)

select * from final
