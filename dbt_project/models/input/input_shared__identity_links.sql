select
    source_id,
    left_system,
    left_id,
    right_system,
    right_id,
    is_match,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('identity_links') }}
