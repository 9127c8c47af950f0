{#- What columns of the input layer may say, by family, entity and column: another value would count as nothing. -#}
{% macro known_values() -%}
{{ return({
    'support': {
        'tickets': {
            'channel': ['email', 'web', 'chat', 'phone', 'social', 'api', 'other'],
            'priority': ['low', 'normal', 'high', 'urgent'],
            'status': ['new', 'open', 'pending', 'hold', 'solved', 'closed'],
        },
        'users': {'role': ['customer', 'agent', 'admin', 'system', 'unknown']},
        'user_role_changes': {'new_role': ['customer', 'agent', 'admin', 'system', 'unknown']},
        'sla_policies': {
            'metric': ['first_reply', 'next_reply', 'requester_wait', 'agent_work', 'resolution'],
            'priority': ['low', 'normal', 'high', 'urgent'],
        },
    },
    'social': {
        'accounts': {
            'platform': [
                'bluesky', 'mastodon', 'x', 'reddit', 'youtube', 'facebook', 'instagram', 'linkedin', 'github', 'other',
            ],
        },
    },
    'crm': {
        'activities': {'kind': ['call', 'meeting', 'email', 'note']},
        'campaigns': {'channel': ['email', 'sms', 'push', 'ads']},
        'revenue': {'kind': ['new', 'renewal', 'expansion', 'contraction', 'refund', 'purchase']},
    },
    'shared': {
        'staff_costs': {'function': ['service', 'marketing', 'communications', 'sales']},
        'experiments': {
            'unit': ['customer', 'ticket', 'shift'],
            'lever': ['responsiveness', 'broadcast'],
        },
    },
}) }}
{%- endmacro %}
