{{ config(schema='intermediate') }}
-- Not published: the echo of sales touches at the plan's primary adstock rate. A note reaches nobody.
with touches as (
    select * from {{ ref('fct_touches') }}
    where not is_after_observation and coalesce(kind, '') <> 'note'
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

unit_touches as (
    select
        {{ customer_unit('touches') }} as customer_id,
        touches.brand_id,
        {{ brand_week('touches.occurred_at', 'brands.time_zone') }} as week_start
    from touches
    inner join brands on touches.brand_id = brands.brand_id
    cross join plan
    cross join run
    left join units on touches.customer_id = units.customer_id
),

touch_weeks as (
    select
        customer_id,
        brand_id,
        week_start,
        count(*) as n_touches
    from unit_touches
    where customer_id is not null
    group by customer_id, brand_id, week_start
),

{{ recent_weeks('touch_weeks', ['n_touches']) }},

final as (
    select
        recent_weeks.customer_id,
        recent_weeks.brand_id,
        recent_weeks.week_start,
        ln(1 + list_inner_product(recent_weeks.recent_n_touches, {{ adstock_weights('plan.primary_adstock_rate') }}))
            as log_adstock_touches
    from recent_weeks
    cross join plan
)

select * from final
