-- Every amount of money that the CRM gives, as it stands and in the base currency.
with revenue as (
    select * from {{ ref('input_crm__revenue') }}
    where deleted_at is null
),

deals as (
    select * from {{ ref('int_crm__deals') }}
),

subscriptions as (
    select * from {{ ref('input_crm__subscriptions') }}
    where deleted_at is null
),

fx_rates as (
    select * from {{ ref('int_crm__fx_rates') }}
),

base as (
    select max(currency) as currency
    from {{ ref('int_crm__currencies') }}
    where is_base
),

amounts as (
    select
        'crm_revenue' as table_name,
        source_id,
        revenue_id as row_id,
        amount,
        {{ currency_code('currency') }} as currency,
        {{ rate_day('occurred_at') }} as rate_day
    from revenue
    union all
    select
        'crm_deals' as table_name,
        source_id,
        deal_id as row_id,
        amount,
        currency,
        {{ rate_day('coalesce(closed_at, created_at)') }} as rate_day
    from deals
    union all
    select
        'crm_subscriptions' as table_name,
        source_id,
        subscription_id as row_id,
        mrr as amount,
        {{ currency_code('currency') }} as currency,
        {{ rate_day('started_at') }} as rate_day
    from subscriptions
),

-- Rates are looked up once per currency and day, not once per amount.
wanted as (
    select distinct
        currency,
        rate_day
    from amounts
),

rates_of_days as (
    select
        wanted.currency,
        wanted.rate_day,
        fx_rates.rate_to_base
    from wanted
    inner join fx_rates
        on
            wanted.currency = fx_rates.currency
            and wanted.rate_day >= fx_rates.starts_on
            and (fx_rates.ends_before is null or wanted.rate_day < fx_rates.ends_before)
),

final as (
    select
        amounts.table_name,
        amounts.source_id,
        amounts.row_id,
        amounts.amount,
        amounts.currency,
        amounts.rate_day,
        base.currency as base_currency,
        {{ in_base_currency('amounts.amount', 'amounts.currency', 'base.currency', 'rates_of_days.rate_to_base') }}
            as amount_base
    from amounts
    cross join base
    left join rates_of_days
        on amounts.currency = rates_of_days.currency and amounts.rate_day = rates_of_days.rate_day
)

select * from final
