{#- Microseconds that a schedule was open before an instant, from the last interval that opened by then
    (null before the first): what was open before it plus the part of it that has passed. -#}
{% macro open_microseconds(open_interval, instant) -%}
coalesce(
    {{ open_interval }}.open_microseconds_before
    + epoch_us(least({{ instant }}, {{ open_interval }}.closes_at))
    - epoch_us({{ open_interval }}.opens_at),
    0
)
{%- endmacro %}
