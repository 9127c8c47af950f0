with broadcasts as (
    select * from {{ ref('fct_broadcasts') }}
    where kind = 'post' and not is_after_observation
),

brands as (
    select * from {{ ref('dim_brand') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

adstock_rates as (
    select * from {{ source('run', 'adstock_rates') }}
),

weeks as (
    select * from {{ ref('brand_weeks') }}
),

local_broadcasts as (
    select
        broadcasts.brand_id,
        timezone(brands.time_zone, broadcasts.sent_at)::date as local_date
    from broadcasts
    inner join brands on broadcasts.brand_id = brands.brand_id
),

broadcast_weeks as (
    select
        brand_id,
        date_trunc('week', local_date)::date as week_start,
        count(distinct local_date) as n_broadcast_days
    from local_broadcasts
    group by all
),

exposure as (
    select
        weeks.brand_id,
        weeks.week_start,
        adstock_rates.adstock_rate,
        max(broadcast_weeks.n_broadcast_days) filter (
            where broadcast_weeks.week_start = weeks.week_start
        ) as n_broadcast_days,
        sum(
            power(adstock_rates.adstock_rate, (weeks.week_start - broadcast_weeks.week_start) // 7)
            * broadcast_weeks.n_broadcast_days
            order by broadcast_weeks.week_start
        ) as adstock
    from weeks
    cross join adstock_rates
    cross join plan
    left join broadcast_weeks
        on
            weeks.brand_id = broadcast_weeks.brand_id
            and weeks.week_start >= broadcast_weeks.week_start
            and weeks.week_start <= broadcast_weeks.week_start + (7 * plan.adstock_lags)::integer
    group by all
),

final as (
    select
        brand_id,
        week_start,
        adstock_rate,
        coalesce(n_broadcast_days, 0) as n_broadcast_days,
        ln(1 + coalesce(adstock, 0)) as log_adstock_broadcast_days
    from exposure
)

select * from final
