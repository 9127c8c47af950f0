{#- Responsiveness of an entity (brand, customer, agent or channel) per day, week or month: the whole model.

    Rows are counted by the local date of the question. An agent's rows hold the turns that the agent answered, by
    the date of the reply, so nothing in them is censored.

    Lists in aggregates can't spill to disk and a curve needs two sorts of all rows, so neither runs where less will
    do: one or two waits need only the shortest and the longest, and a curve is a plain order as long as nothing is
    censored before its middle. -#}
{% macro responsiveness(entity, period) -%}
{%- set keys = {
    'brand': ['brand_id'],
    'customer': ['customer_id', 'brand_id'],
    'agent': ['agent_id', 'brand_id'],
    'channel': ['channel', 'brand_id'],
}[entity] -%}
{%- set period_start = period ~ '_start' -%}
{%- set group = (keys + [period_start]) | join(', ') -%}
{%- set clocks = ['calendar', 'business', 'first'] -%}
{%- set has_censoring = entity != 'agent' -%}
{%- set date_column = 'asked_on' if has_censoring else 'human_replied_on' -%}
with all_turns as not materialized (
    select * from {{ ref('responsiveness_turns') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

turns as not materialized (
    select
        {{ keys | join(',\n        ') }},
        date_trunc('{{ period }}', {{ date_column }})::date as {{ period_start }},
        is_answered,
        has_target,
        is_within_target,
        human_elapsed_calendar_seconds as calendar_seconds,
        human_elapsed_business_seconds as business_seconds,
        case when turn_number = 1 then human_elapsed_calendar_seconds end as first_seconds,
        any_wait_calendar_seconds as any_seconds
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
        count(*) filter (where not is_within_target) as n_breached_target,
        {%- for clock in clocks %}
        count({{ clock }}_seconds) as {{ clock }}_n_turns,
        count({{ clock }}_seconds) filter (where is_answered) as {{ clock }}_n_answered,
        min({{ clock }}_seconds) filter (where is_answered) as {{ clock }}_shortest,
        max({{ clock }}_seconds) filter (where is_answered) as {{ clock }}_longest,
        {%- endfor %}
        count(any_seconds) as any_n_turns,
        count(any_seconds) as any_n_answered,
        min(any_seconds) as any_shortest,
        max(any_seconds) as any_longest
    from turns
    group by {{ group }}
),

{%- for clock in clocks + ['any'] %}
{{ clock }}_orders as (
    select
        {{ group }},
        list_sort(list({{ clock }}_seconds) filter (where {{ 'is_answered' if clock in clocks else 'true' }})) as waits,
        count({{ clock }}_seconds) as n_turns,
        min({{ clock }}_seconds) filter (where not is_answered) as first_censored
    from turns
    semi join (
        from counts
        where {{ clock }}_n_turns > 2 and {{ clock }}_n_answered > 0
    ) using ({{ group }})
    where {{ clock }}_seconds is not null
    group by {{ group }}
),

{{ clock }}_quantiles as (
    select
        {{ group }},
        {%- for percent in [25, 50, 75, 90, 95] %}
        {{ sorted_percentile('waits', percent) }} as p{{ percent }},
        {%- endfor %}
        waits[(n_turns + 1) // 2] as middle,
        first_censored
    from {{ clock }}_orders
),
{% endfor %}
{% if has_censoring -%}
durations as (
    {%- for clock in clocks %}
    select
        {{ group }},
        '{{ clock }}' as clock,
        {{ clock }}_seconds as elapsed_seconds,
        is_answered as is_event
    from turns
    semi join (
        from {{ clock }}_quantiles
        where first_censored < middle or middle is null
    ) using ({{ group }})
    where {{ clock }}_seconds is not null
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}
),

{{ kaplan_meier_medians('durations', group ~ ', clock') }},

curves as (
    select
        {{ group }},
        {%- for clock in clocks %}
        max(km_median) filter (where clock = '{{ clock }}') as {{ clock }}_median{{ ',' if not loop.last }}
        {%- endfor %}
    from km_medians
    group by {{ group }}
),

{% endif -%}
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
        {{ 'counts.n_answered / counts.n_turns' if has_censoring else 'null::double' }} as response_rate,
        {{ 'counts.n_turns - counts.n_answered' if has_censoring else 'null::bigint' }} as n_censored,
        {{ '(counts.n_turns - counts.n_answered) / counts.n_turns' if has_censoring else 'null::double' }}
            as censored_share,
        {{ naive_percentile('calendar', 25) }} as naive_p25_human_wait_calendar_seconds,
        {{ naive_percentile('calendar', 50) }} as naive_median_human_wait_calendar_seconds,
        {{ naive_percentile('calendar', 75) }} as naive_p75_human_wait_calendar_seconds,
        {{ naive_percentile('calendar', 90) }} as naive_p90_human_wait_calendar_seconds,
        {{ naive_percentile('calendar', 95) }} as naive_p95_human_wait_calendar_seconds,
        {{ km_median('calendar') if has_censoring else 'null::double' }}
            as km_median_human_wait_calendar_seconds,
        counts.business_n_turns as n_turns_in_business_time,
        counts.business_n_answered as n_answered_in_business_time,
        {{ naive_percentile('business', 50) }} as naive_median_human_wait_business_seconds,
        {{ naive_percentile('business', 90) }} as naive_p90_human_wait_business_seconds,
        {{ km_median('business') if has_censoring else 'null::double' }}
            as km_median_human_wait_business_seconds,
        counts.any_n_answered as n_answered_by_any,
        {{ naive_percentile('any', 50) }} as naive_median_any_wait_calendar_seconds,
        counts.first_n_turns as n_first_turns,
        counts.first_n_answered as n_first_answered,
        {{ naive_percentile('first', 50) }} as naive_median_first_human_wait_calendar_seconds,
        {{ km_median('first') if has_censoring else 'null::double' }}
            as km_median_first_human_wait_calendar_seconds,
        counts.n_with_target,
        counts.n_within_target,
        counts.n_breached_target,
        case
            when counts.n_within_target + counts.n_breached_target > 0
                then counts.n_within_target / (counts.n_within_target + counts.n_breached_target)
        end as within_target_share
    from counts
    inner join periods using (brand_id, {{ period_start }})
    {%- for clock in clocks + ['any'] %}
    left join {{ clock }}_quantiles using ({{ group }})
    {%- endfor %}
    {%- if has_censoring %}
    left join curves using ({{ group }})
    {%- endif %}
)

select * from final
{%- endmacro %}

{#- Percentile of a sorted list, linear between neighbours (Hyndman and Fan 1996, type 7); integers find them. -#}
{% macro sorted_percentile(sorted, percent) -%}
{%- set position -%} ((len({{ sorted }}) - 1) * {{ percent }}) {%- endset -%}
{%- set lower -%} {{ sorted }}[{{ position }} // 100 + 1] {%- endset -%}
{%- set upper -%} {{ sorted }}[({{ position }} + 99) // 100 + 1] {%- endset -%}
{{ lower }} + ({{ upper }} - {{ lower }}) * ({{ position }} % 100 / 100)
{%- endmacro %}

{#- Percentile of one clock's answered waits; where they were not sorted there are at most two. -#}
{% macro naive_percentile(clock, percent) -%}
coalesce(
    {{ clock }}_quantiles.p{{ percent }},
    counts.{{ clock }}_shortest + (counts.{{ clock }}_longest - counts.{{ clock }}_shortest) * {{ percent / 100 }}
)
{%- endmacro %}

{#- Kaplan-Meier median of one clock. Of one or two turns it is the shortest answered wait, in either order of
    answered and censored. Of more, it is the wait by which half of all turns were answered, or the curve's where
    one was censored before. -#}
{% macro km_median(clock) -%}
case
    when counts.{{ clock }}_n_turns <= 2 then counts.{{ clock }}_shortest
    when {{ clock }}_quantiles.first_censored < {{ clock }}_quantiles.middle then curves.{{ clock }}_median
    else coalesce({{ clock }}_quantiles.middle, curves.{{ clock }}_median)
end
{%- endmacro %}
