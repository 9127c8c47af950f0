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
from {{ ref('stg_files__crm_campaigns') }}
