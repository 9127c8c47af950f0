{{ config(schema='intermediate') }}
-- Not published: what happened in the weeks t+1 to t+horizon after each week. What happens on the exposure's own
-- ticket is part of the exposure, never its outcome.
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
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

{{ unit_outcomes() }},

-- Decimal, so that sums do not depend on the order of rows, and what is taken off again leaves nothing behind.
events as (
    select
        unit_outcomes.customer_id,
        unit_outcomes.brand_id,
        unit_outcomes.source_id,
        unit_outcomes.ticket_id,
        {{ brand_week('unit_outcomes.occurred_at', 'brands.time_zone') }} as event_week,
        count(*) as n_events,
        coalesce(sum(unit_outcomes.value::decimal(38, 12)), 0) as total_value
    from unit_outcomes
    inner join brands on unit_outcomes.brand_id = brands.brand_id
    where
        unit_outcomes.kind in (select outcome_kinds.kind from outcome_kinds)
        and unit_outcomes.occurred_at <= brands.observed_end_at
    group by all
),

event_weeks as (
    select
        customer_id,
        brand_id,
        event_week,
        sum(n_events) as n_events,
        sum(total_value) as total_value
    from events
    group by customer_id, brand_id, event_week
),

-- An event counts for the weeks whose outcome window holds it.
ahead as (
    select
        event_weeks.customer_id,
        event_weeks.brand_id,
        event_weeks.event_week - (7 * unnest(range(1, plan.horizon_weeks + 1)))::integer as week_start,
        event_weeks.n_events,
        event_weeks.total_value
    from event_weeks
    cross join plan
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

own as (
    select
        exposure_tickets.customer_id,
        exposure_tickets.brand_id,
        exposure_tickets.week_start,
        -events.n_events as n_events,
        -events.total_value as total_value
    from exposure_tickets
    inner join events
        on
            exposure_tickets.customer_id = events.customer_id
            and exposure_tickets.brand_id = events.brand_id
            and exposure_tickets.source_id = events.source_id
            and exposure_tickets.ticket_id = events.ticket_id
    cross join plan
    where
        events.event_week > exposure_tickets.week_start
        and events.event_week <= exposure_tickets.week_start + (7 * plan.horizon_weeks)::integer
),

parts as (
    select * from ahead
    union all
    select * from own
),

final as (
    select
        customer_id,
        brand_id,
        week_start,
        sum(n_events)::bigint as n_events,
        sum(total_value)::double as total_value
    from parts
    group by customer_id, brand_id, week_start
)

select * from final
