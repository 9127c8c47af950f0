{#- Responsiveness of an entity (brand, customer, agent or channel) per day, week or month: the whole model.

    Rows are counted by the local date of the question. An agent's rows hold the turns that the agent answered, by
    the date of the reply, so nothing in them is censored. Only sorts and plain aggregates: both spill to disk,
    which quantile aggregates of ten million small groups do not. -#}
{% macro responsiveness(entity, period) -%}
{%- set is_agent = entity == 'agent' -%}
{%- set keys = {
    'brand': ['brand_id'],
    'customer': ['customer_id', 'brand_id'],
    'agent': ['agent_id', 'brand_id'],
    'channel': ['channel', 'brand_id'],
}[entity] -%}
{%- set period_start = period ~ '_start' -%}
{%- set group = (keys + [period_start]) | join(', ') -%}
with all_turns as (
    select * from {{ ref('responsiveness_turns') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

turns as (
    select
        *,
        date_trunc('{{ period }}', {{ 'human_replied_on' if is_agent else 'asked_on' }})::date as {{ period_start }}
    from all_turns
    where {{ keys[0] }} is not null
),

counts as (
    select
        {{ group }},
        count(*) as n_turns,
        count(*) filter (where is_answered) as n_answered,
        count(*) filter (where has_target) as n_with_target,
        count(*) filter (where is_within_target) as n_within_target,
        count(*) filter (where not is_within_target) as n_breached_target
    from turns
    group by {{ group }}
),

{# Name of each duration, its column, whether an event ended it, and which turns have it. -#}
{%- set durations = [
    ('calendar', 'human_elapsed_calendar_seconds', 'is_answered', 'true'),
    ('business', 'human_elapsed_business_seconds', 'is_answered', 'human_elapsed_business_seconds is not null'),
    ('any', 'any_wait_calendar_seconds', 'true', 'any_wait_calendar_seconds is not null'),
    ('first', 'human_elapsed_calendar_seconds', 'is_answered', 'turn_number = 1'),
] -%}
durations as (
    {%- for duration, column, is_event, condition in durations %}
    select
        {{ group }},
        '{{ duration }}' as duration,
        {{ column }} as elapsed_seconds,
        {{ is_event }} as is_event
    from turns
    where {{ condition }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

ordered as (
    {{ ordered_durations('durations', group ~ ', duration') | indent }}
),

percentiles as (
    select
        {{ group }},
        duration,
        max(n_durations) as n_durations,
        max(n_events) as n_events,
        {%- for percent in [25, 50, 75, 90, 95] %}
        {{ ordered_percentile(percent) }} as p{{ percent }},
        {%- endfor %}
        {{ uncensored_median() }} as uncensored_median
    from ordered
    group by {{ group }}, duration
),

{{ kaplan_meier_medians('ordered', 'percentiles', group ~ ', duration') }},

summaries as (
    select
        percentiles.*,
        coalesce(percentiles.uncensored_median, km_medians.km_median) as km_median
    from percentiles
    left join km_medians using ({{ group }}, duration)
),

waits as (
    select
        {{ group }},
        {%- for duration, column, is_event, condition in durations %}
        {%- for statistic in ['n_durations', 'n_events', 'p25', 'p50', 'p75', 'p90', 'p95', 'km_median'] %}
        max({{ statistic }}) filter (where duration = '{{ duration }}') as {{ duration }}_{{ statistic }},
        {%- endfor %}
        {%- endfor %}
    from summaries
    group by {{ group }}
),

first_questions as (
    select
        brand_id,
        min(asked_at) as first_asked_at
    from all_turns
    group by brand_id
),

brand_periods as (
    select distinct
        brand_id,
        {{ period_start }}
    from counts
),

periods as (
    select
        brand_periods.*,
        {{ local_midnight('brand_periods.' ~ period_start, 'brands.time_zone') }} >= first_questions.first_asked_at
        and {{ local_midnight('brand_periods.' ~ period_start ~ ' + interval 1 ' ~ period, 'brands.time_zone') }}
        <= brands.observed_end_at as is_complete_period
    from brand_periods
    inner join brands on brand_periods.brand_id = brands.brand_id
    inner join first_questions on brand_periods.brand_id = first_questions.brand_id
),

final as (
    select
        {%- for column in keys + [period_start] %}
        counts.{{ column }},
        {%- endfor %}
        periods.is_complete_period,
        counts.n_turns,
        counts.n_answered,
        {{ 'null::double' if is_agent else 'counts.n_answered / counts.n_turns' }} as response_rate,
        {{ 'null::bigint' if is_agent else 'counts.n_turns - counts.n_answered' }} as n_censored,
        {{ 'null::double' if is_agent else '(counts.n_turns - counts.n_answered) / counts.n_turns' }} as censored_share,
        waits.calendar_p25 as naive_p25_human_wait_calendar_seconds,
        waits.calendar_p50 as naive_median_human_wait_calendar_seconds,
        waits.calendar_p75 as naive_p75_human_wait_calendar_seconds,
        waits.calendar_p90 as naive_p90_human_wait_calendar_seconds,
        waits.calendar_p95 as naive_p95_human_wait_calendar_seconds,
        {{ 'null::double' if is_agent else 'waits.calendar_km_median' }} as km_median_human_wait_calendar_seconds,
        coalesce(waits.business_n_durations, 0) as n_turns_in_business_time,
        coalesce(waits.business_n_events, 0) as n_answered_in_business_time,
        waits.business_p50 as naive_median_human_wait_business_seconds,
        waits.business_p90 as naive_p90_human_wait_business_seconds,
        {{ 'null::double' if is_agent else 'waits.business_km_median' }} as km_median_human_wait_business_seconds,
        coalesce(waits.any_n_events, 0) as n_answered_by_any,
        waits.any_p50 as naive_median_any_wait_calendar_seconds,
        coalesce(waits.first_n_durations, 0) as n_first_turns,
        coalesce(waits.first_n_events, 0) as n_first_answered,
        waits.first_p50 as naive_median_first_human_wait_calendar_seconds,
        {{ 'null::double' if is_agent else 'waits.first_km_median' }} as km_median_first_human_wait_calendar_seconds,
        counts.n_with_target,
        counts.n_within_target,
        counts.n_breached_target,
        case
            when counts.n_within_target + counts.n_breached_target > 0
                then counts.n_within_target / (counts.n_within_target + counts.n_breached_target)
        end as within_target_share
    from counts
    inner join waits using ({{ group }})
    inner join periods using (brand_id, {{ period_start }})
)

select * from final
{%- endmacro %}
