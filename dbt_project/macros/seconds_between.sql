{#- Elapsed calendar seconds from one instant to a later one, fractions kept. -#}
{% macro seconds_between(start_at, end_at) -%}
(epoch({{ end_at }}) - epoch({{ start_at }}))
{%- endmacro %}
