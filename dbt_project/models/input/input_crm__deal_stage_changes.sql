select
    source_id,
    change_id,
    deal_id,
    changed_at,
    from_stage,
    to_stage,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_deal_stage_changes') }}
