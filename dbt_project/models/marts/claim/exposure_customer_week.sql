-- What reached whom: delivered campaign sends, and posts of brand accounts that the customer followed then.
-- Opens and clicks never count: who opens is already interested.
{% set week_columns = [
    'n_delivered_sends', 'n_holdout_sends', 'n_reachable_posts', 'n_scheduled_posts', 'n_unknown_origin_posts',
    'mean_targeting_score', 'max_targeting_score',
] %}
with sends as (
    select * from {{ ref('int_exposure__campaign_sends') }}
),

posts as (
    select * from {{ ref('int_social__broadcasts') }}
),

follow_intervals as (
    select * from {{ ref('int_exposure__follow_intervals') }}
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

adstock_rates as (
    select * from {{ source('run', 'adstock_rates') }}
),

send_weeks as (
    select
        units.customer_unit_id as customer_id,
        sends.brand_id,
        {{ brand_week('sends.delivered_at', 'brands.time_zone') }} as week_start,
        count(*) filter (where not sends.is_holdout) as n_delivered_sends,
        count(*) filter (where sends.is_holdout) as n_holdout_sends,
        -- In a fixed order, so that sums do not depend on the order of rows.
        avg(sends.targeting_score order by sends.targeting_score) as mean_targeting_score,
        max(sends.targeting_score) as max_targeting_score
    from sends
    inner join units on sends.customer_id = units.customer_id
    inner join brands on sends.brand_id = brands.brand_id
    where sends.delivered_at <= brands.observed_end_at
    group by all
),

post_weeks as (
    select
        follow_intervals.customer_id,
        posts.brand_id,
        {{ brand_week('posts.created_at', 'brands.time_zone') }} as week_start,
        count(*) as n_reachable_posts,
        count(*) filter (where posts.is_scheduled) as n_scheduled_posts,
        count(*) filter (where posts.is_scheduled is null) as n_unknown_origin_posts
    from posts
    inner join follow_intervals
        on
            posts.source_id = follow_intervals.source_id
            and posts.account_id = follow_intervals.brand_account_id
            and posts.created_at >= follow_intervals.starts_at
            and posts.created_at < follow_intervals.ends_at
    inner join brands on posts.brand_id = brands.brand_id
    where posts.created_at <= brands.observed_end_at
    group by all
),

exposed_weeks as (
    select
        coalesce(send_weeks.customer_id, post_weeks.customer_id) as customer_id,
        coalesce(send_weeks.brand_id, post_weeks.brand_id) as brand_id,
        coalesce(send_weeks.week_start, post_weeks.week_start) as week_start,
        coalesce(send_weeks.n_delivered_sends, 0) as n_delivered_sends,
        coalesce(send_weeks.n_holdout_sends, 0) as n_holdout_sends,
        {% for column in ['n_reachable_posts', 'n_scheduled_posts', 'n_unknown_origin_posts'] %}
            coalesce(post_weeks.{{ column }}, 0) as {{ column }},
        {% endfor %}
        send_weeks.mean_targeting_score,
        send_weeks.max_targeting_score
    from send_weeks
    full outer join post_weeks
        on
            send_weeks.customer_id = post_weeks.customer_id
            and send_weeks.brand_id = post_weeks.brand_id
            and send_weeks.week_start = post_weeks.week_start
),

-- Each week's exposure is felt in that week and fades over the plan's lags; a rate of zero has no later weeks.
lags as (
    select
        adstock_rates.adstock_rate,
        unnest(range(0, case when adstock_rates.adstock_rate > 0 then plan.adstock_lags else 0 end + 1))::integer as lag
    from adstock_rates
    cross join plan
),

-- Decimal, so that sums do not depend on the order of rows.
felt as (
    select
        exposed_weeks.customer_id,
        exposed_weeks.brand_id,
        exposed_weeks.week_start + 7 * lags.lag as week_start,
        lags.adstock_rate,
        {% for column in week_columns %}
            max(exposed_weeks.{{ column }}) filter (where lags.lag = 0) as {{ column }},
        {% endfor %}
        sum(power(lags.adstock_rate, lags.lag)::decimal(38, 18) * exposed_weeks.n_delivered_sends) as adstock_sends,
        sum(power(lags.adstock_rate, lags.lag)::decimal(38, 18) * exposed_weeks.n_reachable_posts) as adstock_posts
    from exposed_weeks
    cross join lags
    where lags.lag = 0 or exposed_weeks.n_delivered_sends > 0 or exposed_weeks.n_reachable_posts > 0
    group by all
),

-- Without a list of followers, or of sends, exposure is unknown rather than none.
known as (
    select
        (select count(*) from sends) > 0 as has_sends,
        (select count(*) from follow_intervals) > 0 as has_follows
),

final as (
    select
        felt.customer_id,
        felt.brand_id,
        felt.week_start,
        felt.adstock_rate,
        case when known.has_sends then coalesce(felt.n_delivered_sends, 0) end as n_delivered_sends,
        case when known.has_sends then coalesce(felt.n_holdout_sends, 0) end as n_holdout_sends,
        {% for column in ['n_reachable_posts', 'n_scheduled_posts', 'n_unknown_origin_posts'] %}
            case when known.has_follows then coalesce(felt.{{ column }}, 0) end as {{ column }},
        {% endfor %}
        felt.mean_targeting_score,
        felt.max_targeting_score,
        case when known.has_sends then ln(1 + felt.adstock_sends::double) end as log_adstock_delivered_sends,
        case when known.has_follows then ln(1 + felt.adstock_posts::double) end as log_adstock_reachable_posts,
        case plan.broadcast_measure
            when 'delivered_sends' then ln(1 + felt.adstock_sends::double)
            when 'reachable_posts' then ln(1 + felt.adstock_posts::double)
            when 'sends_and_posts' then ln(1 + (felt.adstock_sends + felt.adstock_posts)::double)
        end as log_adstock_broadcast
    from felt
    cross join known
    cross join plan
    inner join brands on felt.brand_id = brands.brand_id
    where felt.week_start <= {{ brand_week('brands.observed_end_at', 'brands.time_zone') }}
)

select * from final
