-- What reached whom: delivered campaign sends, and posts of brand accounts that the customer followed then.
{% set count_columns = [
    'n_delivered_sends', 'n_holdout_sends', 'n_reachable_posts', 'n_scheduled_posts', 'n_unknown_origin_posts',
] %}
with exposed_weeks as (
    select * from {{ ref('int_exposure__customer_weeks') }}
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

-- Without a list of followers, or of sends, exposure is unknown rather than none.
known as (
    select
        (select count(*) from {{ ref('int_exposure__campaign_sends') }}) > 0 as has_sends,
        (select count(*) from {{ ref('int_exposure__follow_intervals') }}) > 0 as has_follows
),

{{ recent_weeks('exposed_weeks', ['n_delivered_sends', 'n_reachable_posts']) }},

weights as (
    select
        adstock_rates.adstock_rate,
        {{ adstock_weights('adstock_rates.adstock_rate') }} as lag_weights
    from adstock_rates
    cross join plan
),

-- Each week's exposure is felt in that week and fades over the plan's lags; a rate of zero has no later weeks.
felt as (
    select
        recent_weeks.customer_id,
        recent_weeks.brand_id,
        recent_weeks.week_start,
        recent_weeks.is_week_of_its_own,
        weights.adstock_rate,
        list_inner_product(recent_weeks.recent_n_delivered_sends, weights.lag_weights) as adstock_sends,
        list_inner_product(recent_weeks.recent_n_reachable_posts, weights.lag_weights) as adstock_posts
    from recent_weeks
    cross join weights
),

final as (
    select
        felt.customer_id,
        felt.brand_id,
        felt.week_start,
        felt.adstock_rate,
        {% for column in count_columns %}
            case
                when known.{{ 'has_sends' if 'sends' in column else 'has_follows' }}
                    then coalesce(exposed_weeks.{{ column }}, 0)
            end as {{ column }},
        {% endfor %}
        exposed_weeks.mean_targeting_score,
        exposed_weeks.max_targeting_score,
        case when known.has_sends then ln(1 + felt.adstock_sends) end as log_adstock_delivered_sends,
        case when known.has_follows then ln(1 + felt.adstock_posts) end as log_adstock_reachable_posts,
        case plan.broadcast_measure
            when 'delivered_sends' then ln(1 + felt.adstock_sends)
            when 'reachable_posts' then ln(1 + felt.adstock_posts)
            when 'sends_and_posts' then ln(1 + felt.adstock_sends + felt.adstock_posts)
        end as log_adstock_broadcast
    from felt
    cross join known
    cross join plan
    left join exposed_weeks
        on
            felt.customer_id = exposed_weeks.customer_id
            and felt.brand_id = exposed_weeks.brand_id
            and felt.week_start = exposed_weeks.week_start
    where felt.is_week_of_its_own or felt.adstock_sends + felt.adstock_posts > 0
)

select * from final
