select
    source_id,
    id as brand_id,
    name,
    url as source_url,
    _deleted_at as deleted_at
from ({{ newest_record(source('zendesk', 'zendesk__brands'), ['id']) }})
