-- The brand's week of the broadcast lever: broadcast days are the brand's own, what is measured per customer is the
-- mean over the panel's customers, those whom nothing reached included.
with weeks as (
    select * from {{ ref('broadcast_exposure') }}
),

panel as (
    select * from {{ ref('panel_customer_week') }}
),

exposure as (
    select * from {{ ref('exposure_customer_week') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

sizes as (
    select
        brand_id,
        week_start,
        count(*) as n_customers
    from panel
    group by brand_id, week_start
),

reached as (
    select
        panel.brand_id,
        panel.week_start,
        exposure.adstock_rate,
        {{ exact_sum('exposure.log_adstock_broadcast') }} as total_log_adstock_broadcast
    from panel
    inner join exposure
        on
            panel.customer_id = exposure.customer_id
            and panel.brand_id = exposure.brand_id
            and panel.week_start = exposure.week_start
    group by panel.brand_id, panel.week_start, exposure.adstock_rate
),

final as (
    select
        weeks.brand_id,
        weeks.week_start,
        weeks.adstock_rate,
        case
            when plan.broadcast_measure = 'brand_days' then weeks.log_adstock_broadcast_days
            else coalesce(reached.total_log_adstock_broadcast, 0) / sizes.n_customers
        end as log_adstock_broadcast
    from weeks
    cross join plan
    left join sizes
        on weeks.brand_id = sizes.brand_id and weeks.week_start = sizes.week_start
    left join reached
        on
            weeks.brand_id = reached.brand_id
            and weeks.week_start = reached.week_start
            and weeks.adstock_rate = reached.adstock_rate
)

select * from final
