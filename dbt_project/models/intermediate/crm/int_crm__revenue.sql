-- Movements of revenue with their customer and company, in the base currency, purchases numbered.
with revenue as (
    select * from {{ ref('input_crm__revenue') }}
    where deleted_at is null
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

amounts as (
    select * from {{ ref('int_crm__amounts') }}
    where table_name = 'crm_revenue'
),

default_brand as (
    select * from {{ ref('int_brands') }}
    where is_default
),

attributed as (
    select
        revenue.source_id,
        revenue.revenue_id,
        contacts.customer_id,
        coalesce(revenue.account_id, contacts.account_id) as account_id,
        default_brand.brand_id,
        revenue.occurred_at,
        lower(trim(revenue.kind)) as kind,
        amounts.amount,
        amounts.currency,
        amounts.amount_base,
        amounts.base_currency,
        revenue.occurred_at > default_brand.observed_end_at as is_after_observation
    from revenue
    inner join amounts
        on revenue.source_id = amounts.source_id and revenue.revenue_id = amounts.row_id
    left join contacts
        on revenue.source_id = contacts.source_id and revenue.contact_id = contacts.contact_id
    cross join default_brand
),

purchases as (
    select
        source_id,
        revenue_id,
        case
            when customer_id is not null
                then row_number() over (partition by customer_id order by occurred_at, source_id, revenue_id)
        end as customer_purchase_number,
        case
            when account_id is not null
                then row_number() over (partition by source_id, account_id order by occurred_at, revenue_id)
        end as account_purchase_number
    from attributed
    where kind in ('new', 'purchase')
),

final as (
    select
        attributed.source_id,
        attributed.revenue_id,
        attributed.customer_id,
        attributed.account_id,
        attributed.brand_id,
        attributed.occurred_at,
        attributed.kind,
        attributed.amount,
        attributed.currency,
        attributed.amount_base,
        case
            when attributed.kind in ('refund', 'contraction') then -abs(attributed.amount_base)
            else attributed.amount_base
        end as net_amount_base,
        attributed.base_currency,
        purchases.revenue_id is not null as is_purchase,
        purchases.customer_purchase_number,
        purchases.account_purchase_number,
        coalesce(
            case
                when attributed.customer_id is not null then purchases.customer_purchase_number
                else purchases.account_purchase_number
            end > 1,
            false
        ) as is_repeat_purchase,
        attributed.is_after_observation
    from attributed
    left join purchases
        on attributed.source_id = purchases.source_id and attributed.revenue_id = purchases.revenue_id
)

select * from final
