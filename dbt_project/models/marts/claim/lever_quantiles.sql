-- The policy shift of each lever: from the 25th to the 75th percentile of a brand's own weeks,
-- over full weeks with enough inbounds, brands weighted by their customer-weeks.
with weeks as (
    select * from {{ ref('brand_weeks') }}
),

exposure as (
    select * from {{ ref('broadcast_weeks') }}
),

panel as (
    select * from {{ ref('panel_customer_week') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

full_weeks as (
    select
        weeks.brand_id,
        weeks.mean_responsiveness,
        exposure.adstock_rate,
        exposure.log_adstock_broadcast
    from weeks
    inner join exposure
        on weeks.brand_id = exposure.brand_id and weeks.week_start = exposure.week_start
    cross join plan
    where weeks.is_full_week and weeks.n_turns >= plan.min_inbounds
),

brand_quantiles as (
    select
        brand_id,
        adstock_rate,
        count(*) as n_weeks,
        quantile_cont(mean_responsiveness, 0.25) as responsiveness_p25,
        quantile_cont(mean_responsiveness, 0.75) as responsiveness_p75,
        quantile_cont(log_adstock_broadcast, 0.25) as broadcast_p25,
        quantile_cont(log_adstock_broadcast, 0.75) as broadcast_p75
    from full_weeks
    group by all
),

brand_weights as (
    select
        brand_id,
        count(*) as n_customer_weeks
    from panel
    group by brand_id
),

weighted as (
    select
        brand_quantiles.*,
        brand_weights.n_customer_weeks
    from brand_quantiles
    inner join brand_weights on brand_quantiles.brand_id = brand_weights.brand_id
),

{% set quantiles = ['responsiveness_p25', 'responsiveness_p75', 'broadcast_p25', 'broadcast_p75'] %}
final as (
    select
        adstock_rate,
        {% for quantile in quantiles %}
            sum({{ quantile }} * n_customer_weeks order by brand_id) / sum(n_customer_weeks) as {{ quantile }},
        {% endfor %}
        count(*) as n_brands,
        sum(n_weeks)::bigint as n_brand_weeks
    from weighted
    group by adstock_rate
)

select * from final
