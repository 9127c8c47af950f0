{#- The instant of a wall-clock time, the last one where clocks go back over it. Times that a jump skips
    move forward by the jump (both are ICU's rules). -#}
{% macro last_instant(local_time, time_zone) -%}
timezone({{ time_zone }}, {{ local_time }})
{%- endmacro %}

{#- The instant of a wall-clock time, the first one where clocks go back over it: the reading by the offset of
    twelve hours before, if that shows the same wall-clock time. -#}
{% macro first_instant(local_time, time_zone) -%}
{%- set last = last_instant(local_time, time_zone) -%}
{%- set earlier_reading -%}
(
    {{ last }} + (
        timezone({{ time_zone }}, {{ last }}) - timezone({{ time_zone }}, {{ last }} - interval 12 hour) - interval 12 hour
    )
)
{%- endset -%}
case
    when timezone({{ time_zone }}, {{ earlier_reading }}) = {{ local_time }} and {{ earlier_reading }} < {{ last }}
        then {{ earlier_reading }}
    else {{ last }}
end
{%- endmacro %}

{#- The instant at which a local date begins. -#}
{% macro local_midnight(local_date, time_zone) -%}
{{ first_instant('(' ~ local_date ~ ')::timestamp', time_zone) }}
{%- endmacro %}
