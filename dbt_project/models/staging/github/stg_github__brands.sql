select
    source_id,
    repository as brand_id,
    repository as name,
    html_url as source_url,
    _deleted_at as deleted_at
from ({{ newest_record(source('github', 'github__repositories'), ['repository']) }})
