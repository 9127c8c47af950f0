{#- Monday of the brand's local week that an instant falls in. -#}
{% macro brand_week(instant, time_zone) -%}
date_trunc('week', timezone({{ time_zone }}, {{ instant }}))::date
{%- endmacro %}

{#- The instant (UTC) at which a brand's local date begins. -#}
{% macro local_midnight(local_date, time_zone) -%}
timezone({{ time_zone }}, ({{ local_date }})::timestamp)
{%- endmacro %}
