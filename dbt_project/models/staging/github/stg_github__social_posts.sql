-- A release speaks to everyone who watches the repository. Drafts were never sent.
select
    source_id,
    repository || ':release:' || id as post_id,
    repository as account_id,
    coalesce(published_at, created_at) as created_at,
    coalesce(name || chr(10), '') || coalesce(body, '') as text,
    author_type = 'Bot' or author_login like '%[bot]' as is_scheduled,
    html_url as url,
    html_url as source_url,
    _deleted_at as deleted_at
from ({{ newest_record(source('github', 'github__releases'), ['repository', 'id']) }})
where not draft
