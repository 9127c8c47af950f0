{#- The end of each row's chain of parents, by pointer doubling: n_doublings steps follow chains 2^n_doublings
    long, and a cycle can't hang it (its rows end at one of its own). Expects a CTE `parents(source_id, <id>,
    parent_id)` that holds every parent, with null parents at roots; adds CTEs `hop_0` to `hop_n`, and `roots`
    with `root_id`. -#}
{% macro pointer_roots(parents, id, n_doublings=12) -%}
hop_0 as (
    select
        source_id,
        {{ id }},
        coalesce(parent_id, {{ id }}) as ancestor_id
    from {{ parents }}
),
{% for step in range(n_doublings) %}
hop_{{ step + 1 }} as (
    select
        lower_hop.source_id,
        lower_hop.{{ id }},
        upper_hop.ancestor_id
    from hop_{{ step }} as lower_hop
    inner join hop_{{ step }} as upper_hop
        on lower_hop.source_id = upper_hop.source_id and lower_hop.ancestor_id = upper_hop.{{ id }}
),
{% endfor %}
roots as (
    select
        source_id,
        {{ id }},
        ancestor_id as root_id
    from hop_{{ n_doublings }}
)
{%- endmacro %}
