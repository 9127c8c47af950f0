{#- Time since local midnight from text like `09:00` or, past midnight, `26:30`. -#}
{% macro local_time_of_day(text) -%}
to_minutes(left({{ text }}, 2)::bigint * 60 + substr({{ text }}, 4, 2)::bigint)
{%- endmacro %}
