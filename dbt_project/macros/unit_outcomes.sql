{#- CTE of outcomes by the plan's customer unit. Expects the CTEs `outcomes`, `units`, `plan` and `run`. -#}
{% macro unit_outcomes() -%}
unit_outcomes as (
    select
        outcomes.* exclude (customer_id),
        case
            when plan.customer_unit = 'account' and outcomes.account_id is not null
                then {{ account_unit_key('outcomes.source_id', 'outcomes.account_id', 'run') }}
            else units.customer_unit_id
        end as customer_id
    from outcomes
    cross join plan
    cross join run
    left join units on outcomes.customer_id = units.customer_id
    -- By person, what only a company did belongs to nobody.
    where units.customer_unit_id is not null or (plan.customer_unit = 'account' and outcomes.account_id is not null)
)
{%- endmacro %}
