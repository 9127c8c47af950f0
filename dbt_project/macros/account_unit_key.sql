{#- Keyed hash of a company as a customer unit, from its source and its key there. -#}
{% macro account_unit_key(source_id, account_id, context) -%}
{{ person_key(identity_node('account', source_id, account_id), context) }}
{%- endmacro %}
