-- What each group of measures needs, and since when all of it is there: a backfill may bring tables in one after
-- the other, and before the youngest of them the figures are partial.
{% set metric_groups = {
    'reply times, calendar': ['support_tickets', 'support_messages', 'support_users'],
    'reply times, business': ['support_tickets', 'support_messages', 'support_users', 'support_schedules'],
    'waits and resolutions, calendar': ['support_tickets', 'support_ticket_changes'],
    'waits and resolutions, business': ['support_tickets', 'support_ticket_changes', 'support_schedules'],
    'reopens': ['support_tickets', 'support_ticket_changes'],
    'touches': ['support_tickets', 'support_messages', 'support_users', 'support_ticket_changes'],
    'hand-offs and stations': ['support_tickets', 'support_ticket_changes'],
    'backlog': ['support_tickets', 'support_ticket_changes'],
    'satisfaction': ['support_tickets', 'support_ratings'],
    'targets': [
        'support_tickets', 'support_messages', 'support_users', 'support_ticket_changes', 'support_sla_policies',
    ],
    'mentions': ['social_accounts', 'social_posts'],
    'broadcast posts': ['social_accounts', 'social_posts'],
} %}
{#- The instant of each table's events; none where the rows hold at all times. -#}
{% set event_times = {
    'support_tickets': 'created_at',
    'support_messages': 'sent_at',
    'support_ticket_changes': 'changed_at',
    'support_ratings': 'coalesce(offered_at, rated_at)',
    'support_users': none,
    'support_schedules': 'valid_from',
    'support_sla_policies': 'valid_from',
    'social_accounts': none,
    'social_posts': 'created_at',
} %}
with needs as (
    {% for metric_group, needed_tables in metric_groups.items() %}
        select
            '{{ metric_group }}' as metric_group,
            unnest({{ needed_tables }}) as input_table
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- Where a row holds since always, so does its table.
starts as (
    {% for input_table, event_time in event_times.items() %}
        select
            source_id,
            '{{ input_table }}' as input_table,
            {% if event_time is none %}
                null::timestamptz as first_event_at
            {% elif event_time == 'valid_from' %}
                case when count(*) = count(valid_from) then min(valid_from) end as first_event_at
            {% else %}
                min({{ event_time }}) as first_event_at
            {% endif %}
        from {{ ref('input_' ~ input_table | replace('support_', 'support__') | replace('social_', 'social__')) }}
        where deleted_at is null
        group by source_id
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

families as (
    select distinct
        source_id,
        split_part(input_table, '_', 1) as table_family
    from starts
),

-- A source is asked for what belongs to its own family of tables only.
needed as (
    select
        families.source_id,
        needs.metric_group,
        needs.input_table,
        starts.first_event_at,
        starts.input_table is null as is_missing
    from needs
    inner join families on split_part(needs.input_table, '_', 1) = families.table_family
    left join starts
        on families.source_id = starts.source_id and needs.input_table = starts.input_table
),

final as (
    select
        source_id,
        metric_group,
        case when count(*) filter (where is_missing) = 0 then max(first_event_at) end as complete_since,
        list(input_table order by input_table) filter (where is_missing) as missing_tables,
        map(
            list(input_table order by input_table) filter (where not is_missing),
            list(first_event_at order by input_table) filter (where not is_missing)
        ) as first_event_at_by_table
    from needed
    group by source_id, metric_group
)

select * from final
