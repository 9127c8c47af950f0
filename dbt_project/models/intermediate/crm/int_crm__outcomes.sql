-- What the CRM knows of customers' and companies' outcomes, as dated events. Money lost is below zero.
with revenue as (
    select * from {{ ref('int_crm__revenue') }}
),

subscriptions as (
    select * from {{ ref('int_crm__subscriptions') }}
),

deals as (
    select * from {{ ref('int_crm__deals') }}
),

deal_amounts as (
    select * from {{ ref('int_crm__amounts') }}
    where table_name = 'crm_deals'
),

events as (
    select
        'crm_revenue' as source_table,
        source_id,
        revenue_id as row_id,
        customer_id,
        account_id,
        brand_id,
        occurred_at,
        case when is_purchase then 'purchase' else kind end as kind,
        net_amount_base as value_base,
        base_currency as unit
    from revenue
    where is_purchase or kind in ('renewal', 'expansion', 'contraction', 'refund')
    union all
    select
        'crm_revenue' as source_table,
        source_id,
        revenue_id as row_id,
        customer_id,
        account_id,
        brand_id,
        occurred_at,
        'repeat_purchase' as kind,
        net_amount_base as value_base,
        base_currency as unit
    from revenue
    where is_repeat_purchase
    union all
    select
        'crm_subscriptions' as source_table,
        source_id,
        subscription_id as row_id,
        customer_id,
        account_id,
        brand_id,
        started_at as occurred_at,
        'subscription_start' as kind,
        mrr_base as value_base,
        base_currency || '/month' as unit
    from subscriptions
    union all
    select
        'crm_subscriptions' as source_table,
        source_id,
        subscription_id as row_id,
        customer_id,
        account_id,
        brand_id,
        ended_at as occurred_at,
        'churn' as kind,
        -mrr_base as value_base,
        base_currency || '/month' as unit
    from subscriptions
    where is_churned
    union all
    select
        'crm_deals' as source_table,
        deals.source_id,
        deals.deal_id as row_id,
        deals.customer_id,
        deals.account_id,
        deals.brand_id,
        deals.closed_at as occurred_at,
        case when deals.is_won then 'deal_won' else 'deal_lost' end as kind,
        deal_amounts.amount_base as value_base,
        deal_amounts.base_currency as unit
    from deals
    inner join deal_amounts
        on deals.source_id = deal_amounts.source_id and deals.deal_id = deal_amounts.row_id
    where deals.closed_at is not null
),

final as (
    select
        source_table,
        source_id,
        source_table || ':' || row_id || ':' || kind as event_id,
        customer_id,
        account_id,
        brand_id,
        occurred_at,
        kind,
        value_base,
        unit
    from events
)

select * from final
