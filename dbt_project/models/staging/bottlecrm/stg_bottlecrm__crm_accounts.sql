with accounts as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__accounts'), ['id']) }}
)

select
    source_id,
    id as account_id,
    name,
    nullif(regexp_extract(lower(website), '^(?:[a-z]+://)?(?:www\.)?([^/:?#\s]+)', 1), '') as domain,  -- noqa: RF04
    industry,
    number_of_employees as employees,
    created_at,
    assigned_to ->> '$[0]' as owner_id,
    _deleted_at as deleted_at
from accounts
