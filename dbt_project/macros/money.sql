{#- A currency as its upper-case ISO-4217 code; null where none is named. -#}
{% macro currency_code(currency) -%}
upper(nullif(trim({{ currency }}), ''))
{%- endmacro %}

{#- The day whose exchange rate holds at an instant: the UTC day. -#}
{% macro rate_day(instant) -%}
timezone('UTC', {{ instant }})::date
{%- endmacro %}

{#- An amount in the base currency, exact to four decimals; null where a rate is needed and there is none.
    An amount that names no currency is in the base currency. -#}
{% macro in_base_currency(amount, currency, base_currency, rate_to_base) -%}
case
    when {{ currency }} is null or {{ currency }} = {{ base_currency }} then {{ amount }}
    else ({{ amount }} * {{ rate_to_base }})::decimal(18, 4)
end
{%- endmacro %}
