{#- The contact that each merged contact ends in, by pointer doubling: n_doublings steps follow chains of
    2^n_doublings merges, and a cycle can't hang it. Expects a CTE `parents(source_id, contact_id, parent_id)`
    that holds every contact of a chain, with null parents where it ends; adds CTEs `step_0` to `step_n` and
    `survivors`. A cycle has no end, so its smallest contact_id survives. -#}
{% macro merge_survivors(parents, n_doublings=12) -%}
step_0 as (
    select
        source_id,
        contact_id,
        coalesce(parent_id, contact_id) as ancestor_id,
        contact_id as smallest_id
    from {{ parents }}
),
{% for step in range(n_doublings) %}
step_{{ step + 1 }} as (
    select
        lower_step.source_id,
        lower_step.contact_id,
        upper_step.ancestor_id,
        least(lower_step.smallest_id, upper_step.smallest_id) as smallest_id
    from step_{{ step }} as lower_step
    inner join step_{{ step }} as upper_step
        on lower_step.source_id = upper_step.source_id and lower_step.ancestor_id = upper_step.contact_id
),
{% endfor %}
-- Seen from where the walk arrived: an end has walked over itself only, a cycle over all its members.
survivors as (
    select
        walked.source_id,
        walked.contact_id,
        arrived.smallest_id as survivor_id,
        chain_end.parent_id is not null as is_cycle
    from step_{{ n_doublings }} as walked
    inner join step_{{ n_doublings }} as arrived
        on walked.source_id = arrived.source_id and walked.ancestor_id = arrived.contact_id
    inner join {{ parents }} as chain_end
        on walked.source_id = chain_end.source_id and walked.ancestor_id = chain_end.contact_id
)
{%- endmacro %}
