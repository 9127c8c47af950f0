-- Currencies that amounts are in or that have rates, and which of them is the base.
with fx_rates as (
    select
        {{ currency_code('currency') }} as currency,
        rate_to_base
    from {{ ref('input_shared__fx_rates') }}
    where deleted_at is null
),

amounts as (
    select {{ currency_code('currency') }} as currency
    from {{ ref('input_crm__revenue') }}
    where deleted_at is null and amount is not null
    union
    select {{ currency_code('currency') }} as currency
    from {{ ref('input_crm__deals') }}
    where deleted_at is null and amount is not null
    union
    select {{ currency_code('currency') }} as currency
    from {{ ref('input_crm__subscriptions') }}
    where deleted_at is null and mrr is not null
    union
    select {{ currency_code('currency') }} as currency
    from {{ ref('input_crm__campaigns') }}
    where deleted_at is null and cost is not null
    union
    select {{ currency_code('currency') }} as currency
    from {{ ref('input_shared__staff_costs') }}
    where deleted_at is null and cost is not null
),

used as (
    select currency from amounts
    where currency is not null
),

listed as (
    select
        currency,
        bool_and(rate_to_base = 1) as is_always_one
    from fx_rates
    where currency is not null
    group by currency
),

known as (
    select
        coalesce(used.currency, listed.currency) as currency,
        used.currency is not null as has_amounts,
        listed.currency is not null as has_rates,
        coalesce(listed.is_always_one, false) as is_always_one
    from used
    full join listed on used.currency = listed.currency
),

candidates as (
    select
        count(*) filter (where has_amounts) as n_with_amounts,
        count(*) filter (where has_amounts and not has_rates) as n_without_rates,
        min(currency) filter (where has_amounts and not has_rates) as without_rates,
        min(currency) filter (where is_always_one) as always_one
    from known
),

-- An only currency needs no rates; otherwise the base is the one that always costs 1, or the one left out of them.
base as (
    select
        case
            when n_with_amounts = 1 and n_without_rates = 1 then without_rates
            when always_one is not null then always_one
            when n_without_rates = 1 then without_rates
        end as currency
    from candidates
),

final as (
    select
        known.currency,
        known.has_amounts,
        known.has_rates,
        coalesce(known.currency = base.currency, false) as is_base
    from known
    cross join base
)

select * from final
