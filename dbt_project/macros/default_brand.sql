{#- The brand of rows that name none: exactly one row of `int_brands` is the default. -#}
{% macro default_brand(brands) -%}
(select default_brands.brand_id from {{ brands }} as default_brands where default_brands.is_default)
{%- endmacro %}
