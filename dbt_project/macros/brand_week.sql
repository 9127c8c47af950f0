{#- Monday of the brand's local week that an instant falls in. -#}
{% macro brand_week(instant, time_zone) -%}
date_trunc('week', timezone({{ time_zone }}, {{ instant }}))::date
{%- endmacro %}
