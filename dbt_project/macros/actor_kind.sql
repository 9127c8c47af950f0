{#- Who acted, from the role in force and whether a machine did: customer, human_agent, bot, system or unknown. -#}
{% macro actor_kind(role, is_bot) -%}
case
    when {{ is_bot }} then 'bot'
    when {{ role }} = 'customer' then 'customer'
    when {{ role }} in ('agent', 'admin') then 'human_agent'
    when {{ role }} = 'system' then 'system'
    else 'unknown'
end
{%- endmacro %}
