{#- CTEs up to `km_medians`: for each group of `durations`, the shortest duration at which the product of
    (1 - 1 / at risk) over the events so far is a half or less (Kaplan and Meier 1958); no row where it stays above.
    Who is censored at the instant of an event was still at risk then. Logarithms are summed as decimals, so that
    the order of rows makes no difference; the tolerance is for a curve that meets one half exactly. -#}
{% macro kaplan_meier_medians(durations, group) -%}
at_risk as (
    select
        *,
        count(*) over (
            partition by {{ group }}
            order by elapsed_seconds, is_event desc
            rows between current row and unbounded following
        ) as n_at_risk
    from {{ durations }}
),

survival as (
    select
        *,
        sum(case when is_event and n_at_risk > 1 then ln(1 - 1 / n_at_risk)::decimal(38, 18) else 0 end) over (
            partition by {{ group }}
            order by n_at_risk desc
            rows between unbounded preceding and current row
        ) as log_survival
    from at_risk
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
