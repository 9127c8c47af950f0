-- What was settled before the question must not differ between shifts that lack staff and shifts that do not.
with turns as (
    select * from {{ ref('episode_turns') }}
    where shortfall is not null and not is_incident
),

shifts as (
    select * from {{ ref('roster_shifts') }}
),

customers as (
    select * from {{ ref('panel_customers') }}
),

revenue as (
    select * from {{ ref('fct_revenue') }}
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

usual_shortfalls as (
    select
        queue,
        slot,
        median(shortfall) as median_shortfall
    from shifts
    group by queue, slot
),

unit_revenue as (
    select
        {{ customer_unit('revenue') }} as customer_id,
        revenue.occurred_at,
        revenue.net_amount_base
    from revenue
    cross join plan
    cross join run
    left join units on revenue.customer_id = units.customer_id
),

prior_values as (
    select
        turns.turn_id,
        sum(unit_revenue.net_amount_base) as prior_value
    from turns
    inner join unit_revenue
        on turns.customer_id = unit_revenue.customer_id and turns.asked_at > unit_revenue.occurred_at
    group by turns.turn_id
),

described as (
    select
        turns.*,
        turns.shortfall > usual_shortfalls.median_shortfall as is_above,
        (turns.week_start - customers.first_week) / 7 as tenure_weeks,
        ln(1 + greatest(coalesce(prior_values.prior_value, 0), 0)::double) as log_prior_value,
        ln(row_number() over (partition by turns.customer_id, turns.brand_id order by turns.asked_at, turns.turn_id))
            as log_turn_number
    from turns
    inner join usual_shortfalls on turns.queue = usual_shortfalls.queue and turns.slot = usual_shortfalls.slot
    inner join customers on turns.customer_id = customers.customer_id and turns.brand_id = customers.brand_id
    left join prior_values on turns.turn_id = prior_values.turn_id
),

severities as (
    select distinct severity_level from described
    where severity_level is not null
),

covariates as (
    select
        'severity ' || severities.severity_level as covariate,
        described.is_above,
        (described.severity_level is not distinct from severities.severity_level)::integer::double as covariate_value
    from described
    cross join severities
    {% for name, column in [
        ('weeks since the first action', 'tenure_weeks'),
        ('ln(1 + revenue before)', 'log_prior_value'),
        ('ln(number of the turn)', 'log_turn_number'),
    ] %}
        union all
        select
            '{{ name }}' as covariate,
            is_above,
            {{ column }}::double as covariate_value
        from described
    {% endfor %}
),

sides as (
    select
        covariate,
        is_above,
        count(*) as n_turns,
        {{ exact_sum('covariate_value') }} / count(*) as mean_value
    from covariates
    group by covariate, is_above
),

spreads as (
    select
        sides.covariate,
        sides.is_above,
        sides.n_turns,
        sides.mean_value,
        {{ exact_sum('power(covariates.covariate_value - sides.mean_value, 2)') }}
        / nullif(sides.n_turns - 1, 0) as variance
    from sides
    inner join covariates
        on sides.covariate = covariates.covariate and sides.is_above = covariates.is_above
    group by sides.covariate, sides.is_above, sides.n_turns, sides.mean_value
),

final as (
    select
        below.covariate,
        below.n_turns as n_turns_below,
        above.n_turns as n_turns_above,
        below.mean_value as mean_below,
        above.mean_value as mean_above,
        (above.mean_value - below.mean_value) / nullif(sqrt((below.variance + above.variance) / 2), 0)
            as standardised_mean_difference
    from spreads as below
    inner join spreads as above on below.covariate = above.covariate
    where not below.is_above and above.is_above
)

select * from final
