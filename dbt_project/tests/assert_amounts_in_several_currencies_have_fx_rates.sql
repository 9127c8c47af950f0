-- Amounts in more than one currency need `fx_rates`; adding them up without would be a wrong number.
with currencies as (
    select currency from {{ ref('int_crm__currencies') }}
    where has_amounts
),

fx_rates as (
    select * from {{ ref('input_shared__fx_rates') }}
    where deleted_at is null
),

found as (
    select
        count(*) as n_currencies,
        string_agg(currency, ' and ' order by currency) as currencies_without_fx_rates
    from currencies
),

final as (
    select currencies_without_fx_rates
    from found
    where n_currencies > 1 and not exists (select 1 from fx_rates)
)

select * from final
