-- Merged contacts are remapped, never dropped, and no join repeats a row: as many rows out as live rows in.
with counts as (
    {% for mart, table_name in [
        ('dim_account', 'accounts'), ('fct_deals', 'deals'), ('fct_touches', 'activities'),
        ('fct_campaign_sends', 'campaign_sends'), ('fct_revenue', 'revenue'), ('fct_subscriptions', 'subscriptions'),
    ] %}
        select
            '{{ mart }}' as mart,
            (select count(*) from {{ ref('input_crm__' ~ table_name) }} where deleted_at is null) as rows_in,
            (select count(*) from {{ ref(mart) }}) as rows_out
        union all
    {% endfor %}
    select
        'int_crm__contacts' as mart,
        (select count(*) from {{ ref('input_crm__contacts') }}) as rows_in,
        (select count(*) from {{ ref('int_crm__contacts') }}) as rows_out
    union all
    select
        'fct_outcomes' as mart,
        (select count(*) from {{ ref('input_shared__outcome_events') }} where deleted_at is null)
        + (select count(*) from {{ ref('int_crm__outcomes') }}) as rows_in,
        (select count(*) from {{ ref('fct_outcomes') }}) as rows_out
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
