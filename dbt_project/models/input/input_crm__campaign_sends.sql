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
from {{ ref('stg_files__crm_campaign_sends') }}
