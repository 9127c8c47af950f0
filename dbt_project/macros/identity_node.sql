{#- One identity in one system, as a key that is unique across systems and sources. -#}
{% macro identity_node(system, source_id, id) -%}
'{{ system }}|' || {{ source_id }} || '|' || {{ id }}
{%- endmacro %}
