{#- Rules that tie identities, the strongest first. A merged contact is its survivor's old key, so nothing
    is stronger. -#}
{% macro identity_rules() -%}
{{ return(['contact_merge', 'known_match', 'external_id', 'email', 'handle', 'bridge_post', 'probable']) }}
{%- endmacro %}

{#- Most identities that one person may have: more, and a tie is no evidence of one person. -#}
{% macro most_identities() -%}
50
{%- endmacro %}

{#- Tiers of strength, 1 the strongest: two for each rule. -#}
{% macro identity_tiers() -%}
{{ return(range(1, 2 * identity_rules() | length + 1)) }}
{%- endmacro %}

{#- Tier of a tie: by rule, and within a rule the ties that few identities share go before those that many do;
    for probable ties, the surer before the less sure. -#}
{% macro identity_tier(rule, n_identities, confidence) -%}
case
    {% for name in identity_rules() -%}
        when {{ rule }} = '{{ name }}' then {{ 2 * loop.index - 1 }}
    {% endfor -%}
end
+ case
    when {{ rule }} = 'contact_merge' then 0
    when {{ rule }} = 'probable' then ({{ confidence }} < 0.99)::integer
    else ({{ n_identities }} > 4)::integer
end
{%- endmacro %}
