-- Amounts in more than one currency need `fx_rates`; adding them up without would be a wrong number.
with currencies as (
    select currency from {{ ref('input_crm__revenue') }}
    union
    select currency from {{ ref('input_crm__deals') }}
    union
    select currency from {{ ref('input_crm__subscriptions') }}
    union
    select currency from {{ ref('input_crm__campaigns') }}
    union
    select currency from {{ ref('input_shared__staff_costs') }}
),

found as (
    select
        count(currency) as n_currencies,
        string_agg(currency, ' and ' order by currency) as currencies_without_fx_rates
    from currencies
),

final as (
    select currencies_without_fx_rates
    from found
    where n_currencies > 1 and not exists (select 1 from {{ ref('input_shared__fx_rates') }})
)

select * from final
