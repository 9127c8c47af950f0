{#- The end of each row's chain of parents, by pointer doubling: n_doublings steps follow chains 2^n_doublings long,
    and a cycle can't hang it: there the smallest id of the cycle is the end. Expects a CTE `<parents>(source_id,
    <id>, parent_id)` that holds every parent, with null parents at ends; adds CTEs `<roots>_hop_0` to
    `<roots>_hop_n` and `<roots>(source_id, <id>, root_id, is_cycle)`. -#}
{% macro pointer_roots(parents, id, roots='roots', n_doublings=12) -%}
{{ roots }}_hop_0 as (
    select
        source_id,
        {{ id }},
        coalesce(parent_id, {{ id }}) as ancestor_id,
        {{ id }} as smallest_id
    from {{ parents }}
),
{% for step in range(n_doublings) %}
{{ roots }}_hop_{{ step + 1 }} as (
    select
        lower_hop.source_id,
        lower_hop.{{ id }},
        upper_hop.ancestor_id,
        least(lower_hop.smallest_id, upper_hop.smallest_id) as smallest_id
    from {{ roots }}_hop_{{ step }} as lower_hop
    inner join {{ roots }}_hop_{{ step }} as upper_hop
        on lower_hop.source_id = upper_hop.source_id and lower_hop.ancestor_id = upper_hop.{{ id }}
),
{% endfor %}
-- Seen from where the walk arrived: an end has walked over itself only, a cycle over all its members.
{{ roots }} as (
    select
        walked.source_id,
        walked.{{ id }},
        arrived.smallest_id as root_id,
        chain_end.parent_id is not null as is_cycle
    from {{ roots }}_hop_{{ n_doublings }} as walked
    inner join {{ roots }}_hop_{{ n_doublings }} as arrived
        on walked.source_id = arrived.source_id and walked.ancestor_id = arrived.{{ id }}
    inner join {{ parents }} as chain_end
        on walked.source_id = chain_end.source_id and walked.ancestor_id = chain_end.{{ id }}
)
{%- endmacro %}
