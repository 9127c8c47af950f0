{#- Tables of the canonical contract as (family, entities): the file is `family_entities`, the model
    `input_family__entities`. -#}
{% macro canonical_tables() -%}
{{ return({
    'support': [
        'tickets', 'messages', 'ticket_changes', 'users', 'user_role_changes', 'schedules', 'holidays', 'shifts',
        'ratings', 'sla_policies', 'incidents',
    ],
    'social': ['accounts', 'posts', 'follows', 'post_metrics'],
    'crm': [
        'accounts', 'contacts', 'deals', 'deal_stage_changes', 'activities', 'campaigns', 'campaign_sends', 'revenue',
        'subscriptions', 'owners',
    ],
    'shared': ['brands', 'staff_costs', 'experiments', 'fx_rates', 'outcome_events', 'identity_links'],
}) }}
{%- endmacro %}
