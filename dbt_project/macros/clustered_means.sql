{#- CTEs that end in `means`: per bin the mean of each measure with its standard error, clustered, for the mean alone:
    sqrt(G / (G - 1) sum_g (sum of the cluster's deviations)^2) / n. Null with one cluster. -#}
{% macro clustered_means(relation, bin, cluster, measures) -%}
clusters_of_bins as (
    select
        {{ bin }},
        {{ cluster }},
        count(*) as n_rows,
        {% for measure in measures %}
            {{ exact_sum(measure) }} as total_{{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from {{ relation }}
    group by {{ bin }}, {{ cluster }}
),

bins as (
    select
        {{ bin }},
        sum(n_rows)::bigint as n_rows,
        count(*) as n_clusters,
        {% for measure in measures %}
            {{ exact_sum('total_' ~ measure) }} / sum(n_rows) as mean_{{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from clusters_of_bins
    group by {{ bin }}
),

means as (
    select
        bins.{{ bin }},
        bins.n_rows,
        bins.n_clusters,
        {% for measure in measures %}
            any_value(bins.mean_{{ measure }}) as mean_{{ measure }},
            sqrt(
                {{ exact_sum(
                    'power(clusters_of_bins.total_' ~ measure ~ ' - clusters_of_bins.n_rows * bins.mean_' ~ measure ~ ', 2)'
                ) }}
                * bins.n_clusters / nullif(bins.n_clusters - 1, 0)
            ) / bins.n_rows as se_{{ measure }}{{ ',' if not loop.last }}
        {% endfor %}
    from bins
    inner join clusters_of_bins on bins.{{ bin }} = clusters_of_bins.{{ bin }}
    group by bins.{{ bin }}, bins.n_rows, bins.n_clusters
)
{%- endmacro %}
