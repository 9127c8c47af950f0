{#- Percentiles and the Kaplan-Meier median of many groups of durations at once, from one sort.

    `ordered_durations` numbers the durations of each group; an end by event comes before a censored one of the
    same length, which was still at risk then. `ordered_percentile` and `uncensored_median` are aggregates over
    that, by group; `kaplan_meier_medians` is what is left for groups in which censoring comes before the middle. -#}
{% macro ordered_durations(durations, group) -%}
select
    *,
    row_number() over so_far as duration_number,
    count(*) filter (where is_event) over so_far as event_number,
    count(*) over whole as n_durations,
    count(*) filter (where is_event) over whole as n_events
from {{ durations }}
window
    so_far as (
        partition by {{ group }}
        order by elapsed_seconds, is_event desc
        rows between unbounded preceding and current row
    ),
    whole as (partition by {{ group }})
{%- endmacro %}

{#- Percentile of the durations that ended by an event, linear between neighbours (Hyndman and Fan 1996, type 7);
    integer arithmetic finds the neighbours. -#}
{% macro ordered_percentile(percent) -%}
{%- set lower -%}
max(elapsed_seconds) filter (where is_event and event_number = (n_events - 1) * {{ percent }} // 100 + 1)
{%- endset -%}
{%- set upper -%}
max(elapsed_seconds) filter (where is_event and event_number = ((n_events - 1) * {{ percent }} + 99) // 100 + 1)
{%- endset -%}
{{ lower }} + ({{ upper }} - {{ lower }}) * (max((n_events - 1) * {{ percent }} % 100) / 100)
{%- endmacro %}

{#- The Kaplan-Meier median where nothing was censored before it: the duration at which half have ended. -#}
{% macro uncensored_median() -%}
max(elapsed_seconds) filter (where duration_number = (n_durations + 1) // 2 and event_number = duration_number)
{%- endmacro %}

{#- CTEs up to `km_medians`: the shortest duration at which the product of (1 - 1 / at risk) over the events so far
    is a half or less (Kaplan and Meier 1958), for groups of `medians` without an uncensored one. No row where it
    stays above. Logarithms are summed as decimals, so that the order of rows makes no difference; the tolerance
    is for a curve that meets one half exactly. -#}
{% macro kaplan_meier_medians(ordered, medians, group) -%}
survival as (
    select
        {{ group }},
        elapsed_seconds,
        n_durations - duration_number + 1 as n_at_risk,
        sum(
            case
                when is_event and duration_number < n_durations
                    then ln(1 - 1 / (n_durations - duration_number + 1))::decimal(38, 18)
                else 0
            end
        ) over (
            partition by {{ group }}
            order by duration_number
            rows between unbounded preceding and current row
        ) as log_survival,
        is_event
    from {{ ordered }}
    semi join (
        from {{ medians }}
        where uncensored_median is null and n_events > 0
    ) using ({{ group }})
),

km_medians as (
    select
        {{ group }},
        min(elapsed_seconds) as km_median
    from survival
    where is_event and (n_at_risk = 1 or log_survival <= ln(0.5) + 1e-12)
    group by {{ group }}
)
{%- endmacro %}
