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

mart_counts as (
    select
        source_id,
        'support_tickets' as table_name,
        'fct_tickets' as mart,
        count(*) as n_rows
    from {{ ref('fct_tickets') }}
    group by source_id
    union all
    select
        source_id,
        'support_messages' as table_name,
        'fct_messages' as mart,
        count(*) as n_rows
    from {{ ref('fct_messages') }}
    where post_id is null
    group by source_id
    union all
    select
        source_id,
        'outcome_events' as table_name,
        'fct_outcomes' as mart,
        count(*) as n_rows
    from {{ ref('fct_outcomes') }}
    where source_table = 'outcome_events'
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
)

select * from final
