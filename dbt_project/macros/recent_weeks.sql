{#- CTEs that end in `recent_weeks`: for each customer and brand of a relation of weekly counts, every week from the
    first to the last that still echoes, with each count's list over that week and the plan's lags before it, oldest
    first. Expects the CTEs `plan` and `brands`. Lists instead of a join with the lags: an eighth of the time. -#}
{% macro recent_weeks(relation, counts) -%}
spans as (
    select
        {{ relation }}.customer_id,
        {{ relation }}.brand_id,
        plan.adstock_lags,
        min({{ relation }}.week_start) as first_week,
        least(
            max({{ relation }}.week_start) + (7 * plan.adstock_lags)::integer,
            any_value({{ brand_week('brands.observed_end_at', 'brands.time_zone') }})
        ) as last_week
    from {{ relation }}
    inner join brands on {{ relation }}.brand_id = brands.brand_id
    cross join plan
    group by {{ relation }}.customer_id, {{ relation }}.brand_id, plan.adstock_lags
),

span_weeks as (
    select
        customer_id,
        brand_id,
        adstock_lags,
        first_week,
        unnest(generate_series(
            first_week - (7 * adstock_lags)::integer, last_week, interval 7 day
        ))::date as week_start
    from spans
),

framed as (
    select
        span_weeks.customer_id,
        span_weeks.brand_id,
        span_weeks.week_start,
        span_weeks.first_week,
        {{ relation }}.week_start is not null as is_week_of_its_own,
        {% for count in counts %}
            list(coalesce({{ relation }}.{{ count }}, 0)::double) over recent as recent_{{ count }}{{ ',' if not loop.last }}
        {% endfor %}
    from span_weeks
    left join {{ relation }}
        on
            span_weeks.customer_id = {{ relation }}.customer_id
            and span_weeks.brand_id = {{ relation }}.brand_id
            and span_weeks.week_start = {{ relation }}.week_start
    window recent as (
        partition by span_weeks.customer_id, span_weeks.brand_id
        order by span_weeks.week_start
        rows between span_weeks.adstock_lags preceding and current row
    )
),

recent_weeks as (
    select * exclude (first_week)
    from framed
    where week_start >= first_week
)
{%- endmacro %}

{#- List of the weights of adstock over the plan's lags, oldest first. -#}
{% macro adstock_weights(adstock_rate) -%}
list_transform(
    range(plan.adstock_lags, -1, -1),
    lambda lag: case when lag = 0 then 1.0 else power({{ adstock_rate }}, lag) end
)
{%- endmacro %}
