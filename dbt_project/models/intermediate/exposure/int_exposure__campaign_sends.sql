-- Campaign messages with the brand that speaks and the customer they went to, held-out ones included.
with sends as (
    select * from {{ ref('input_crm__campaign_sends') }}
    where deleted_at is null
),

campaigns as (
    select * from {{ ref('input_crm__campaigns') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

final as (
    select
        sends.source_id,
        sends.send_id,
        sends.campaign_id,
        coalesce(campaigns.brand_id, {{ default_brand('brands') }}) as brand_id,
        clusters.customer_id,
        sends.delivered_at,
        coalesce(sends.is_holdout, false) as is_holdout,
        sends.targeting_score
    from sends
    left join campaigns
        on sends.source_id = campaigns.source_id and sends.campaign_id = campaigns.campaign_id
    left join clusters
        on clusters.node = {{ identity_node('crm_contacts', 'sends.source_id', 'sends.contact_id') }}
)

select * from final
