{#- The brand of rows that name none: exactly one row of `int_brands` is the default. -#}
{% macro default_brand(brands) -%}
(select brand_id from {{ brands }} where is_default)
{%- endmacro %}
