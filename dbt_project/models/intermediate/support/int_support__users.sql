-- Every actor that a ticket, message or change names, those the source does not list included.
with users as (
    select * from {{ ref('input_support__users') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

requesters as (
    select distinct
        source_id,
        requester_id as user_id
    from {{ ref('input_support__tickets') }}
),

named as (
    select
        source_id,
        user_id
    from requesters
    union
    select
        source_id,
        author_id as user_id
    from {{ ref('input_support__messages') }}
    union
    select
        source_id,
        user_id
    from {{ ref('input_shared__outcome_events') }}
    where user_id is not null
),

-- An unlisted actor who asks is a customer: nobody on the staff is missing from a staff list.
unlisted as (
    select
        named.source_id,
        named.user_id,
        case when requesters.user_id is not null then 'customer' else 'unknown' end as role
    from named
    anti join users
        on named.source_id = users.source_id and named.user_id = users.user_id
    left join requesters
        on named.source_id = requesters.source_id and named.user_id = requesters.user_id
),

everyone as (
    select
        source_id,
        user_id,
        role,
        coalesce(is_bot, false) as is_bot,
        name,
        email,
        external_id,
        organization_id,
        created_at,
        true as is_listed
    from users
    union all
    select
        source_id,
        user_id,
        role,
        false as is_bot,
        null as name,
        null as email,
        null as external_id,
        null as organization_id,
        null as created_at,
        false as is_listed
    from unlisted
),

customer_roles as (
    select distinct
        source_id,
        user_id
    from {{ ref('int_support__role_intervals') }}
    where role = 'customer'
),

final as (
    select
        everyone.*,
        {{ identity_node('support_users', 'everyone.source_id', 'everyone.user_id') }} as node,
        {{ person_key(identity_node('support_users', 'everyone.source_id', 'everyone.user_id'), 'run') }} as person_id,
        everyone.is_bot or everyone.role = 'system' as is_machine,
        everyone.role = 'customer' or customer_roles.user_id is not null as has_customer_role
    from everyone
    left join customer_roles
        on everyone.source_id = customer_roles.source_id and everyone.user_id = customer_roles.user_id
    cross join run
)

select * from final
