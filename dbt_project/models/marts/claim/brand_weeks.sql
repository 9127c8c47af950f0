-- Weeks of each brand from its customers' first action to the last whose outcome window was watched to its end.
with customers as (
    select * from {{ ref('panel_customers') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

spans as (
    select
        brand_id,
        min(first_week) as first_week,
        min(first_action_at) as first_action_at,
        max(last_week) as last_week
    from customers
    group by brand_id
),

weeks as (
    select
        brand_id,
        first_action_at,
        unnest(generate_series(first_week, last_week, interval 7 day))::date as week_start
    from spans
),

dosed as (
    select
        brand_id,
        week_start,
        count(*) as n_turns,
        sum(responsiveness) as total_responsiveness
    from doses
    group by all
),

final as (
    select
        weeks.brand_id,
        weeks.week_start,
        coalesce(dosed.n_turns, 0) as n_turns,
        (dosed.total_responsiveness / dosed.n_turns)::double as mean_responsiveness,
        {{ local_midnight('weeks.week_start', 'brands.time_zone') }} >= weeks.first_action_at
        and {{ local_midnight('weeks.week_start + 7', 'brands.time_zone') }} <= brands.observed_end_at as is_full_week
    from weeks
    inner join brands on weeks.brand_id = brands.brand_id
    left join dosed
        on weeks.brand_id = dosed.brand_id and weeks.week_start = dosed.week_start
)

select * from final
