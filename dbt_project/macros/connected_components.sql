{#- Connected components as a recursive CTE `name(node, root_node)`: each node takes the smallest node that it
    can reach. Labels only ever fall, so cycles end. Expects `nodes(node)` and `ties(from_node, to_node)`, each
    tie in both directions. -#}
{% macro connected_components(name, nodes, ties) -%}
{{ name }} (node, root_node) using key (node) as (
    select
        node,
        node as root_node
    from {{ nodes }}
    union
    select
        reached.node,
        min({{ name }}.root_node) as root_node
    from {{ name }}
    inner join {{ ties }} on {{ name }}.node = {{ ties }}.from_node
    inner join recurring.{{ name }} as reached on {{ ties }}.to_node = reached.node
    where {{ name }}.root_node < reached.root_node
    group by reached.node
)
{%- endmacro %}
