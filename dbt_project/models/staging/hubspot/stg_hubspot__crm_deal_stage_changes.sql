with stages as (
    {{ newest_record(source('hubspot', 'hubspot__deal_stages'), ['deal_id', 'changed_at']) }}
)

select
    source_id,
    deal_id || '@' || epoch_ms(changed_at) as change_id,
    deal_id,
    changed_at,
    lag(stage) over (partition by source_id, deal_id order by changed_at) as from_stage,
    stage as to_stage
from stages
