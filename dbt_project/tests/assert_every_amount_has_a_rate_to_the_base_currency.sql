-- An amount without a rate would be missing from every sum. Another test speaks where there are no rates at all.
with amounts as (
    select * from {{ ref('int_crm__amounts') }}
),

fx_rates as (
    select * from {{ ref('input_shared__fx_rates') }}
    where deleted_at is null
),

final as (
    select
        currency,
        rate_day as day_without_rate_on_or_before,
        count(*) as n_amounts,
        string_agg(distinct table_name, ' and ' order by table_name) as of_tables
    from amounts
    where
        amount is not null
        and amount_base is null
        and exists (select 1 from fx_rates)
    group by currency, rate_day
    order by currency, rate_day
)

select * from final
