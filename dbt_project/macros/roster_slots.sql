{#- The slot of a wall-clock time, named by its start: 8 hours, from local 00:00, 08:00 and 16:00. -#}
{% macro slot_start(local_time) -%}
time_bucket(interval 8 hour, {{ local_time }})
{%- endmacro %}

{#- Number of the slot in its local week: 0 is Monday 00:00 to 08:00, 20 is Sunday 16:00 to 24:00. -#}
{% macro slot_number(slot_start_local) -%}
((isodow({{ slot_start_local }}) - 1) * 3 + hour({{ slot_start_local }}) // 8)::integer
{%- endmacro %}

{#- A sum that does not depend on the order of rows. -#}
{% macro exact_sum(value) -%}
sum(({{ value }})::decimal(38, 15))::double
{%- endmacro %}
