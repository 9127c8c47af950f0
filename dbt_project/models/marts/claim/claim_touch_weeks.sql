{{ config(schema='intermediate') }}
-- Not published: the echo of sales touches at the plan's primary adstock rate. A note reaches nobody.
with touches as (
    select * from {{ ref('fct_touches') }}
    where not is_after_observation and kind <> 'note'
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

run as (
    select * from {{ source('run', 'context') }}
),

touch_weeks as (
    select
        {{ customer_unit('touches') }} as customer_id,
        touches.brand_id,
        {{ brand_week('touches.occurred_at', 'brands.time_zone') }} as week_start,
        count(*) as n_touches
    from touches
    inner join brands on touches.brand_id = brands.brand_id
    cross join plan
    cross join run
    left join units on touches.customer_id = units.customer_id
    group by all
),

lags as (
    select
        primary_adstock_rate as adstock_rate,
        unnest(range(0, case when primary_adstock_rate > 0 then adstock_lags else 0 end + 1))::integer as lag
    from plan
),

final as (
    select
        touch_weeks.customer_id,
        touch_weeks.brand_id,
        touch_weeks.week_start + 7 * lags.lag as week_start,
        ln(1 + sum(power(lags.adstock_rate, lags.lag)::decimal(38, 18) * touch_weeks.n_touches)::double)
            as log_adstock_touches
    from touch_weeks
    cross join lags
    where touch_weeks.customer_id is not null
    group by all
)

select * from final
