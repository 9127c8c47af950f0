select
    source_id,
    campaign_id,
    brand_id,
    name,
    channel,
    is_automated,
    cost,
    currency,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_campaigns') }}
