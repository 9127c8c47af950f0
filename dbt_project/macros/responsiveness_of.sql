{#- Responsiveness of a wait in seconds: -log2(hours), the wait floored. Decimal, so that sums do not depend on the
    order of rows. -#}
{% macro responsiveness_of(wait_seconds, floor_seconds) -%}
(-log2(greatest({{ wait_seconds }}, {{ floor_seconds }}) / 3600))::decimal(18, 9)
{%- endmacro %}
