{#- CTE of outcomes by the plan's customer unit. Expects the CTEs `outcomes`, `units`, `plan` and `run`. -#}
{% macro unit_outcomes() -%}
unit_outcomes as (
    select
        outcomes.* exclude (customer_id),
        {{ customer_unit('outcomes') }} as customer_id
    from outcomes
    cross join plan
    cross join run
    left join units on outcomes.customer_id = units.customer_id
    -- By person, what only a company did belongs to nobody.
    where units.customer_unit_id is not null or (plan.customer_unit = 'account' and outcomes.account_id is not null)
)
{%- endmacro %}
