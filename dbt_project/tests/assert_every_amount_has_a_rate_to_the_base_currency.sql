-- An amount without a rate would be missing from every sum. Where `fx_rates` is empty, another test names the currencies.
with amounts as (
    select * from {{ ref('int_crm__amounts') }}
),

final as (
    select
        currency,
        day as day_without_rate_on_or_before,
        count(*) as n_amounts,
        string_agg(distinct table_name, ' and ' order by table_name) as of_tables
    from amounts
    where
        amount is not null
        and amount_base is null
        and exists (select 1 from {{ ref('input_shared__fx_rates') }} where deleted_at is null)
    group by currency, day
    order by currency, day
)

select * from final
