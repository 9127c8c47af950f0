select
    source_id,
    repository as account_id,
    'github' as platform,
    repository as handle,
    true as is_brand,
    repository as brand_id,
    false as is_bot,
    repository as display_name,
    created_at,
    html_url as source_url,
    _deleted_at as deleted_at
from ({{ newest_record(source('github', 'github__repositories'), ['repository']) }})
