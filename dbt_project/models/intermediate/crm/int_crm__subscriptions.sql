-- Subscriptions with their customer and company, as they stood at the end of observation.
with subscriptions as (
    select * from {{ ref('input_crm__subscriptions') }}
    where deleted_at is null
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

amounts as (
    select * from {{ ref('int_crm__amounts') }}
    where table_name = 'crm_subscriptions'
),

default_brand as (
    select * from {{ ref('int_brands') }}
    where is_default
),

observed as (
    select
        subscriptions.*,
        default_brand.brand_id,
        default_brand.observed_end_at,
        subscriptions.started_at > default_brand.observed_end_at as is_after_observation,
        coalesce(subscriptions.ended_at <= default_brand.observed_end_at, false) as is_churned
    from subscriptions
    cross join default_brand
),

final as (
    select
        observed.source_id,
        observed.subscription_id,
        contacts.customer_id,
        coalesce(observed.account_id, contacts.account_id) as account_id,
        observed.brand_id,
        observed.started_at,
        observed.renews_at,
        case when observed.is_churned then observed.ended_at end as ended_at,
        case when not observed.is_churned then observed.ended_at end as planned_end_at,
        observed.status,
        amounts.amount as mrr,
        amounts.currency,
        amounts.amount_base as mrr_base,
        amounts.base_currency,
        observed.is_churned,
        case
            when not observed.is_after_observation
                then
                    greatest(
                        {{ seconds_between(
                            'observed.started_at',
                            'case when observed.is_churned then observed.ended_at else observed.observed_end_at end',
                        ) }},
                        0
                    ) / 86400
        end as tenure_calendar_days,
        observed.is_after_observation
    from observed
    inner join amounts
        on observed.source_id = amounts.source_id and observed.subscription_id = amounts.row_id
    left join contacts
        on observed.source_id = contacts.source_id and observed.contact_id = contacts.contact_id
)

select * from final
