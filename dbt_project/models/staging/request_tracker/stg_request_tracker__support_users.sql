-- Privileged users are staff; RT signs what its own rules do as RT_System, and leaves tickets with Nobody.
with users as (
    {{ newest_record(source('request_tracker', 'request_tracker__users'), ['id']) }}
),

staff as (
    {{ newest_record(source('request_tracker', 'request_tracker__staff'), ['name']) }}
)

select
    users.source_id,
    users.id as user_id,
    case
        when users.name in ('RT_System', 'Nobody') then 'system'
        when staff.name is not null then 'agent'
        else 'customer'
    end as role,
    users.name = 'RT_System' as is_bot,
    coalesce(users.real_name, users.name) as name,
    users.email,
    users.phone,
    users.organization as organization_id,
    users._deleted_at as deleted_at
from users
left join staff
    on users.source_id = staff.source_id and users.name = staff.name and staff._deleted_at is null
