with users as (
    select * from {{ ref('int_support__users') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

answers as (
    select distinct author_id
    from {{ ref('int_support__messages') }}
    where actor_kind = 'human_agent'
),

final as (
    select
        users.person_id as agent_id,
        users.source_id,
        case when not run.hide_agents then users.name end as name,
        users.role
    from users
    left join answers on users.person_id = answers.author_id
    cross join run
    where users.role in ('agent', 'admin') or answers.author_id is not null
)

select * from final
