{#- Key of the plan's customer unit for a row with a person, a company or both. Expects the CTEs `plan` and `run`,
    and `units` joined on the row's customer; null where nobody can be told. -#}
{% macro customer_unit(row) -%}
case
    when plan.customer_unit = 'account' and {{ row }}.account_id is not null
        then {{ account_unit_key(row ~ '.source_id', row ~ '.account_id', 'run') }}
    else units.customer_unit_id
end
{%- endmacro %}
