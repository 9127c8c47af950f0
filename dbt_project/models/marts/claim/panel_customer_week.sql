{% set turn_counts = ['n_human_first', 'n_bot_first', 'n_handed_off'] %}
{% set shift_sums = [
    'total_shortfall', 'total_log_arrivals', 'total_load', 'total_next_shortfall', 'total_other_shortfall',
    'is_incident',
] %}
with customers as (
    select * from {{ ref('panel_customers') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

brand_exposure as (
    select * from {{ ref('broadcast_exposure') }}
),

turn_weeks as (
    select * from {{ ref('claim_turn_weeks') }}
),

reply_weeks as (
    select * from {{ ref('claim_reply_weeks') }}
),

mention_weeks as (
    select * from {{ ref('claim_mention_weeks') }}
),

touch_weeks as (
    select * from {{ ref('claim_touch_weeks') }}
),

outcome_weeks as (
    select * from {{ ref('claim_outcome_weeks') }}
),

holdouts as (
    select * from {{ ref('int_experiments__holdouts') }}
),

offers as (
    select * from {{ ref('claim_offers') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

exposure as (
    select exposures.*
    from {{ ref('exposure_customer_week') }} as exposures
    inner join plan on exposures.adstock_rate = plan.primary_adstock_rate
),

scores as (
    select * from exposure
    where mean_targeting_score is not null
),

customer_weeks as (
    select
        customer_id,
        brand_id,
        unnest(generate_series(first_week, last_week, interval 7 day))::date as week_start
    from customers
),

-- The last score known, from before the customer entered as well.
scored as (
    select
        customer_weeks.*,
        scores.mean_targeting_score as targeting_score
    from customer_weeks
    asof left join scores
        on
            customer_weeks.customer_id = scores.customer_id
            and customer_weeks.brand_id = scores.brand_id
            and customer_weeks.week_start >= scores.week_start
),

joined as (
    select
        scored.customer_id,
        scored.brand_id,
        scored.week_start,
        coalesce(turn_weeks.n_turns, 0) as n_turns,
        coalesce(turn_weeks.total_responsiveness, 0) as total_responsiveness,
        coalesce(turn_weeks.total_any_responsiveness, 0) as total_any_responsiveness,
        {% for column in turn_counts %}
            coalesce(turn_weeks.{{ column }}, 0) as {{ column }},
        {% endfor %}
        turn_weeks.shift_id,
        turn_weeks.queue,
        turn_weeks.slot,
        {% for column in shift_sums %}
            case
                when offers.has_roster and turn_weeks.n_turns > 0 then turn_weeks.{{ column }}
                when offers.has_roster then 0
            end as {{ column }},
        {% endfor %}
        {% for level in range(1, 6) %}
            case when offers.n_severity_levels > {{ level }} then coalesce(turn_weeks.n_severity_{{ level }}, 0) end
                as n_severity_{{ level }},
        {% endfor %}
        {% for column in ['n_trial_turns', 'n_trial_treated'] %}
            case when offers.has_trials then coalesce(turn_weeks.{{ column }}, 0) end as {{ column }},
        {% endfor %}
        case when offers.has_warmth then coalesce(turn_weeks.total_warmth, 0) end as total_warmth,
        {% for column in ['total_agent_leave_one_out', 'n_leave_one_out_turns'] %}
            case when offers.has_agents then coalesce(turn_weeks.{{ column }}, 0) end as {{ column }},
        {% endfor %}
        turn_weeks.leave_one_out_agent_id,
        coalesce(reply_weeks.n_human_replies, 0) as n_human_replies,
        {% for column in ['n_mentions', 'n_mentions_answered'] %}
            case when offers.has_mentions then coalesce(mention_weeks.{{ column }}, 0) end as {{ column }},
        {% endfor %}
        case when offers.has_sends then coalesce(exposure.n_delivered_sends, 0) end as n_delivered_sends,
        case when offers.has_follows then coalesce(exposure.n_reachable_posts, 0) end as n_reachable_posts,
        case when exposure.n_reachable_posts > 0 then exposure.n_scheduled_posts / exposure.n_reachable_posts end
            as automated_share_low,
        case
            when exposure.n_reachable_posts > 0
                then (exposure.n_scheduled_posts + exposure.n_unknown_origin_posts) / exposure.n_reachable_posts
        end as automated_share_high,
        case when offers.has_follows then coalesce(exposure.log_adstock_reachable_posts, 0) end as log_adstock_posts,
        case when offers.has_touches then coalesce(touch_weeks.log_adstock_touches, 0) end as log_adstock_touches,
        scored.targeting_score,
        case
            when offers.has_holdouts
                then coalesce(
                    scored.week_start >= {{ brand_week('holdouts.held_out_from', 'brands.time_zone') }}, false
                )::integer
        end as is_holdout,
        case
            when plan.broadcast_measure = 'brand_days' then brand_exposure.log_adstock_broadcast_days
            else coalesce(exposure.log_adstock_broadcast, 0)
        end as log_adstock_broadcast,
        case
            when plan.outcome_measure = 'sum' then coalesce(outcome_weeks.total_value, 0)
            else (coalesce(outcome_weeks.n_events, 0) > 0)::integer
        end as outcome
    from scored
    cross join plan
    cross join offers
    inner join brands on scored.brand_id = brands.brand_id
    inner join brand_exposure
        on
            scored.brand_id = brand_exposure.brand_id
            and scored.week_start = brand_exposure.week_start
            and plan.primary_adstock_rate = brand_exposure.adstock_rate
    left join holdouts on scored.customer_id = holdouts.customer_id
    {% for weeks in ['turn_weeks', 'reply_weeks', 'mention_weeks', 'touch_weeks', 'exposure', 'outcome_weeks'] %}
        left join {{ weeks }}
            on
                scored.customer_id = {{ weeks }}.customer_id
                and scored.brand_id = {{ weeks }}.brand_id
                and scored.week_start = {{ weeks }}.week_start
    {% endfor %}
),

-- An outcome of 0 or 1 has no extremes.
ordered as (
    select
        list(joined.outcome order by joined.outcome) as outcomes,
        any_value(plan.outcome_winsorize_quantile) * (count(*) - 1) as place
    from joined
    cross join plan
    where plan.outcome_measure = 'sum' and plan.outcome_winsorize_quantile is not null
),

-- Between two values by linear interpolation.
extremes as (
    select
        outcomes[floor(place)::bigint + 1]
        + (outcomes[ceil(place)::bigint + 1] - outcomes[floor(place)::bigint + 1]) * (place - floor(place)) as highest
    from ordered
),

final as (
    select
        joined.* exclude (outcome),
        case when joined.outcome > extremes.highest then extremes.highest else joined.outcome end::double as outcome
    from joined
    cross join extremes
)

select * from final
