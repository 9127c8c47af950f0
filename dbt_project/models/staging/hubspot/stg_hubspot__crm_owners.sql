select
    source_id,
    id as owner_id,
    nullif(trim(concat_ws(' ', first_name, last_name)), '') as name,
    email,
    updated_at,
    _deleted_at as deleted_at
from ({{ newest_record(source('hubspot', 'hubspot__owners'), ['id']) }})
