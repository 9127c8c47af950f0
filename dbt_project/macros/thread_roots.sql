{#- The post at the top of each post's thread, by pointer doubling: n_doublings steps reach 2^n_doublings
    replies deep, and a cycle of replies can't hang it. Expects a CTE `parents(source_id, post_id, parent_id)`
    with null parents at roots; adds CTEs `hop_0` to `hop_n`, the last with `root_id`. -#}
{% macro thread_roots(parents, n_doublings=12) -%}
hop_0 as (
    select
        source_id,
        post_id,
        coalesce(parent_id, post_id) as ancestor_id
    from {{ parents }}
),
{% for step in range(n_doublings) %}
hop_{{ step + 1 }} as (
    select
        lower_hop.source_id,
        lower_hop.post_id,
        upper_hop.ancestor_id
    from hop_{{ step }} as lower_hop
    inner join hop_{{ step }} as upper_hop
        on lower_hop.source_id = upper_hop.source_id and lower_hop.ancestor_id = upper_hop.post_id
),
{% endfor %}
roots as (
    select
        source_id,
        post_id,
        ancestor_id as root_id
    from hop_{{ n_doublings }}
)
{%- endmacro %}
