-- Rows in, kept and dropped at each hop, with the reason: nothing disappears silently.
with load_counts as (
    select * from {{ source('run', 'load_counts') }}
),

-- One row per landed table; the reasons for leaving rows out are further rows.
landed as (
    select
        source_id,
        table_name,
        max(rows_in)::bigint as rows_in,
        sum(dropped)::bigint as dropped
    from load_counts
    group by all
),

input_counts as (
    {% for family, entities in canonical_tables().items() %}
        {% set outer = loop %}
        {% for entity in entities %}
            select
                source_id,
                '{{ entity if family == 'shared' else family ~ '_' ~ entity }}' as table_name,
                count(*) as n_rows
            from {{ ref('input_' ~ family ~ '__' ~ entity) }}
            group by source_id
            {% if not (loop.last and outer.last) %}union all{% endif %}
        {% endfor %}
    {% endfor %}
),

{% set facts = {
    'fct_tickets': ('support_tickets', 'true'),
    'fct_messages': ('support_messages', 'post_id is null'),
    'fct_ratings': ('support_ratings', 'true'),
    'fct_outcomes': ('outcome_events', "source_table = 'outcome_events'"),
    'dim_account': ('crm_accounts', 'true'),
    'fct_deals': ('crm_deals', 'true'),
    'fct_touches': ('crm_activities', 'true'),
    'fct_campaign_sends': ('crm_campaign_sends', 'true'),
    'fct_revenue': ('crm_revenue', 'true'),
    'fct_subscriptions': ('crm_subscriptions', 'true'),
} %}
mart_counts as (
    {% for mart, (table_name, condition) in facts.items() %}
        select
            source_id,
            '{{ table_name }}' as table_name,
            '{{ mart }}' as mart,
            count(*) as n_rows
        from {{ ref(mart) }}
        where {{ condition }}
        group by source_id
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- A post is part of a conversation with a brand, or a broadcast, or neither.
placed_posts as (
    select
        source_id,
        post_id
    from {{ ref('fct_messages') }}
    where post_id is not null
    union
    select
        source_id,
        post_id
    from {{ ref('fct_broadcasts') }}
    where post_id is not null
),

post_counts as (
    select
        source_id,
        count(*) as n_rows
    from placed_posts
    group by source_id
),

ticket_reasons as (
    select
        source_id,
        exclusion_reason,
        count(*) as n_rows
    from {{ ref('fct_tickets') }}
    where exclusion_reason is not null
    group by source_id, exclusion_reason
),

turn_counts as (
    select
        source_id,
        count(*) as n_rows,
        count(*) filter (where exclusion_reason is not null) as n_excluded,
        count(*) filter (where exclusion_reason is null and customer_id is null) as n_strangers
    from {{ ref('fct_response_turns') }}
    group by source_id
),

final as (
    select
        source_id,
        table_name,
        'landing to raw' as hop,
        rows_in,
        rows_in - dropped as rows_out,
        dropped,
        reason
    from load_counts
    union all
    select
        landed.source_id,
        landed.table_name,
        'raw to input' as hop,
        landed.rows_in - landed.dropped as rows_in,
        coalesce(input_counts.n_rows, 0) as rows_out,
        landed.rows_in - landed.dropped - coalesce(input_counts.n_rows, 0) as dropped,
        'older version of the same key' as reason
    from landed
    left join input_counts
        on landed.source_id = input_counts.source_id and landed.table_name = input_counts.table_name
    union all
    select
        input_counts.source_id,
        input_counts.table_name,
        'input to ' || mart_counts.mart as hop,
        input_counts.n_rows as rows_in,
        mart_counts.n_rows as rows_out,
        input_counts.n_rows - mart_counts.n_rows as dropped,
        'deleted in the source' as reason
    from input_counts
    inner join mart_counts
        on
            input_counts.source_id = mart_counts.source_id
            and input_counts.table_name = mart_counts.table_name
    union all
    select
        input_counts.source_id,
        input_counts.table_name,
        'input to fct_messages and fct_broadcasts' as hop,
        input_counts.n_rows as rows_in,
        coalesce(post_counts.n_rows, 0) as rows_out,
        input_counts.n_rows - coalesce(post_counts.n_rows, 0) as dropped,
        'deleted, a further post of a self-thread, or talk with no brand' as reason
    from input_counts
    left join post_counts on input_counts.source_id = post_counts.source_id
    where input_counts.table_name = 'social_posts'
    union all
    select
        ticket_reasons.source_id,
        'support_tickets' as table_name,
        'fct_tickets to reply times' as hop,
        mart_counts.n_rows as rows_in,
        mart_counts.n_rows - ticket_reasons.n_rows as rows_out,
        ticket_reasons.n_rows as dropped,
        ticket_reasons.exclusion_reason as reason
    from ticket_reasons
    inner join mart_counts
        on ticket_reasons.source_id = mart_counts.source_id and mart_counts.mart = 'fct_tickets'
    union all
    select
        source_id,
        'turns' as table_name,
        'fct_response_turns to dose_turns' as hop,
        n_rows as rows_in,
        n_rows - n_excluded as rows_out,
        n_excluded as dropped,
        'ticket out of reply times' as reason
    from turn_counts
    union all
    select
        source_id,
        'turns' as table_name,
        'fct_response_turns to dose_turns' as hop,
        n_rows as rows_in,
        n_rows - n_strangers as rows_out,
        n_strangers as dropped,
        'asker is no resolved customer' as reason
    from turn_counts
)

select * from final
