{#- CTEs that end in `means`: per bin the mean of each measure with its standard error, clustered, for the mean alone:
    sqrt(G / (G - 1) sum_g (sum of the cluster's deviations)^2) / n. Null with one cluster. -#}
{% macro clustered_means(relation, bin, cluster, measures) -%}
clusters_of_bins as (
    select
        {% for measure in measures %}
            {{ exact_sum(measure) }} as total_{{ measure }},
        {% endfor %}
        {{ bin }},
        {{ cluster }},
        count(*) as n_rows
    from {{ relation }}
    group by {{ bin }}, {{ cluster }}
),

bins as (
    select
        {% for measure in measures %}
            {{ exact_sum('total_' ~ measure) }} / sum(n_rows) as mean_{{ measure }},
        {% endfor %}
        {{ bin }},
        sum(n_rows)::bigint as n_rows,
        count(*) as n_clusters
    from clusters_of_bins
    group by {{ bin }}
),

deviations as (
    select
        {% for measure in measures %}
            clusters_of_bins.total_{{ measure }} - clusters_of_bins.n_rows * bins.mean_{{ measure }} as off_{{ measure }},
            bins.mean_{{ measure }},
        {% endfor %}
        bins.{{ bin }},
        bins.n_rows,
        bins.n_clusters
    from bins
    inner join clusters_of_bins on bins.{{ bin }} = clusters_of_bins.{{ bin }}
),

means as (
    select
        {% for measure in measures %}
            mean_{{ measure }},
            sqrt({{ exact_sum('off_' ~ measure ~ ' * off_' ~ measure) }} * n_clusters / nullif(n_clusters - 1, 0)) / n_rows
                as se_{{ measure }},
        {% endfor %}
        {{ bin }},
        n_rows,
        n_clusters
    from deviations
    group by {{ bin }}, n_rows, n_clusters{% for measure in measures %}, mean_{{ measure }}{% endfor %}
)
{%- endmacro %}
