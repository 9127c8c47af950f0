select
    source_id,
    send_id,
    campaign_id,
    contact_id,
    delivered_at,
    is_holdout,
    targeting_score,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_campaign_sends') }}
