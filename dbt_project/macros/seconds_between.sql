{#- Elapsed calendar seconds from one instant to a later one, to the microsecond. -#}
{% macro seconds_between(start_at, end_at) -%}
((epoch_us({{ end_at }}) - epoch_us({{ start_at }})) / 1e6)
{%- endmacro %}
