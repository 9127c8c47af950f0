-- Zendesk signs what its own rules do with user -1.
select
    source_id,
    id as user_id,
    case role when 'end-user' then 'customer' else role end as role,
    false as is_bot,
    name,
    email,
    phone,
    external_id,
    organization_id,
    created_at,
    updated_at,
    case when not coalesce(active, true) then updated_at else _deleted_at end as deleted_at
from ({{ newest_record(source('zendesk', 'zendesk__users'), ['id'], 'updated_at') }})
union all
select distinct
    source_id,
    '-1' as user_id,
    'system' as role,
    true as is_bot,
    null as name,
    null as email,
    null as phone,
    null as external_id,
    null as organization_id,
    null::timestamptz as created_at,
    null::timestamptz as updated_at,
    null::timestamptz as deleted_at
from {{ source('zendesk', 'zendesk__tickets') }}
