-- Merged contacts are remapped, never dropped, and no join repeats a row: as many rows out as live rows in.
{% set marts = {
    'dim_account': 'accounts',
    'fct_deals': 'deals',
    'fct_touches': 'activities',
    'fct_campaign_sends': 'campaign_sends',
    'fct_revenue': 'revenue',
    'fct_subscriptions': 'subscriptions',
} %}
with counts as (
    {% for mart, table_name in marts.items() %}
        select
            '{{ mart }}' as mart,
            count(*) filter (where deleted_at is null) as rows_in,
            (select count(*) from {{ ref(mart) }}) as rows_out
        from {{ ref('input_crm__' ~ table_name) }}
        union all
    {% endfor %}
    select
        'int_crm__contacts' as mart,
        count(*) as rows_in,
        (select count(*) from {{ ref('int_crm__contacts') }}) as rows_out
    from {{ ref('input_crm__contacts') }}
    union all
    select
        'fct_outcomes' as mart,
        count(*) filter (where deleted_at is null)
        + (select count(*) from {{ ref('int_crm__outcomes') }}) as rows_in,
        (select count(*) from {{ ref('fct_outcomes') }}) as rows_out
    from {{ ref('input_shared__outcome_events') }}
),

final as (
    select
        mart,
        rows_in,
        rows_out
    from counts
    where rows_in <> rows_out
)

select * from final
