select
    source_id,
    id as owner_id,
    name,
    email,
    _deleted_at as deleted_at
from ({{ newest_record(source('bottlecrm', 'bottlecrm__users'), ['id']) }})
