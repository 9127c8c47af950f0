{#- The post at the top of each post's thread, by pointer doubling: n_doublings steps reach 2^n_doublings
    replies deep. A cycle of replies can't hang it: there the smallest id of the cycle is the top. Expects a
    CTE `parents(source_id, post_id, parent_id)` with null parents at tops; adds CTEs `<roots>_hop_0` to
    `<roots>_hop_n` and `<roots>(source_id, post_id, root_id)`. -#}
{% macro thread_roots(parents, roots='roots', n_doublings=12) -%}
{{ roots }}_hop_0 as (
    select
        source_id,
        post_id,
        coalesce(parent_id, post_id) as ancestor_id,
        post_id as smallest_id
    from {{ parents }}
),
{% for step in range(n_doublings) %}
{{ roots }}_hop_{{ step + 1 }} as (
    select
        lower_hop.source_id,
        lower_hop.post_id,
        upper_hop.ancestor_id,
        least(lower_hop.smallest_id, upper_hop.smallest_id) as smallest_id
    from {{ roots }}_hop_{{ step }} as lower_hop
    inner join {{ roots }}_hop_{{ step }} as upper_hop
        on lower_hop.source_id = upper_hop.source_id and lower_hop.ancestor_id = upper_hop.post_id
),
{% endfor %}
{{ roots }} as (
    select
        lower_hop.source_id,
        lower_hop.post_id,
        upper_hop.smallest_id as root_id
    from {{ roots }}_hop_{{ n_doublings }} as lower_hop
    inner join {{ roots }}_hop_{{ n_doublings }} as upper_hop
        on lower_hop.source_id = upper_hop.source_id and lower_hop.ancestor_id = upper_hop.post_id
)
{%- endmacro %}
