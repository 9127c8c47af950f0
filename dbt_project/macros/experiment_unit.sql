{#- An experiment's unit may name its system, as in `support_users:17`, where the id alone would be ambiguous. -#}
{% macro experiment_unit_systems() -%}
^(crm_contacts|support_users|social_accounts|support_tickets|shift):
{%- endmacro %}

{#- The system that a unit names; null where it names none. -#}
{% macro experiment_unit_system(unit_id) -%}
nullif(regexp_extract({{ unit_id }}, '{{ experiment_unit_systems() }}', 1), '')
{%- endmacro %}

{#- The id as its system knows it. -#}
{% macro experiment_unit_plain_id(unit_id) -%}
regexp_replace({{ unit_id }}, '{{ experiment_unit_systems() }}', '')
{%- endmacro %}
