{#- Business seconds between two readings of a ticket's clock; null where no schedule was in force in between. -#}
{% macro business_seconds(start_reading, end_reading) -%}
case
    when {{ end_reading }}.read_at = {{ start_reading }}.read_at then 0.0::double
    when {{ end_reading }}.scheduled_microseconds > {{ start_reading }}.scheduled_microseconds
        then ({{ end_reading }}.business_microseconds - {{ start_reading }}.business_microseconds) / 1e6
end
{%- endmacro %}
