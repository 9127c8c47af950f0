with sends as (
    select * from {{ ref('input_crm__campaign_sends') }}
    where deleted_at is null
),

campaigns as (
    select * from {{ ref('input_crm__campaigns') }}
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

final as (
    select
        sends.source_id,
        sends.send_id,
        sends.campaign_id,
        campaigns.name as campaign_name,
        campaigns.channel,
        campaigns.is_automated,
        coalesce(campaigns.brand_id, default_brand.brand_id) as brand_id,
        contacts.customer_id,
        contacts.account_id,
        sends.delivered_at as assigned_at,
        case when not coalesce(sends.is_holdout, false) then sends.delivered_at end as delivered_at,
        coalesce(sends.is_holdout, false) as is_holdout,
        not coalesce(sends.is_holdout, false) as is_delivered,
        sends.targeting_score,
        sends.delivered_at > coalesce(brands.observed_end_at, default_brand.observed_end_at) as is_after_observation
    from sends
    -- A campaign that was deleted later was still sent.
    left join campaigns
        on sends.source_id = campaigns.source_id and sends.campaign_id = campaigns.campaign_id
    left join contacts
        on sends.source_id = contacts.source_id and sends.contact_id = contacts.contact_id
    left join brands on campaigns.brand_id = brands.brand_id
    left join brands as default_brand on default_brand.is_default
)

select * from final
