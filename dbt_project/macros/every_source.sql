{#- Canonical tables that each source system's staging folder fills, as `stg_<system>__<table>`. -#}
{% macro system_tables() -%}
{{ return({
    'bluesky': ['social_accounts', 'social_posts', 'social_follows'],
    'bottlecrm': ['crm_accounts', 'crm_contacts', 'crm_deals', 'crm_deal_stage_changes', 'crm_owners', 'crm_revenue'],
    'github': [
        'brands', 'support_tickets', 'support_messages', 'support_ticket_changes', 'support_users', 'social_accounts',
        'social_posts', 'outcome_events',
    ],
    'hubspot': ['crm_accounts', 'crm_contacts', 'crm_deals', 'crm_deal_stage_changes', 'crm_owners'],
    'mastodon': ['social_accounts', 'social_posts', 'social_post_metrics'],
    'request_tracker': ['support_tickets', 'support_messages', 'support_ticket_changes', 'support_users'],
    'zendesk': [
        'brands', 'support_tickets', 'support_messages', 'support_ticket_changes', 'support_users', 'support_ratings',
    ],
}) }}
{%- endmacro %}

{#- One canonical table from the files and from every source system in use. A system's staging may leave columns out:
    they are null. -#}
{% macro every_source(table) -%}
(
    select * from {{ ref('stg_files__' ~ table) }}
    {%- for system in env_var('TWOWAY_SYSTEMS', '').split(',') if table in system_tables().get(system, []) %}
    union all by name
    select * from {{ ref('stg_' ~ system ~ '__' ~ table) }}
    {%- endfor %}
)
{%- endmacro %}

{#- The newest version of each record of a source system, by its own version column, then by load and row. A record that
    is gone at the source keeps what it last said, with the instant at which its absence was seen in `_deleted_at`. -#}
{% macro newest_record(relation, key, version=none) -%}
{%- set record = 'source_id, ' ~ key | join(', ') -%}
select
    * exclude (_is_deleted, _is_gone, _gone_at, _load_id, _row_number, _landed_at),
    case when _is_gone then _gone_at end as _deleted_at
from (
    select
        *,
        last_value(_is_deleted) over (
            partition by {{ record }} order by _load_id::double, _row_number
            rows between unbounded preceding and unbounded following
        ) as _is_gone,
        max(_landed_at) filter (where _is_deleted) over (partition by {{ record }}) as _gone_at
    from {{ relation }}
)
where not _is_deleted
qualify row_number() over (
    partition by {{ record }}
    order by {% if version is not none %}{{ version }} desc nulls last, {% endif %}_load_id::double desc, _row_number desc
) = 1
{%- endmacro %}
