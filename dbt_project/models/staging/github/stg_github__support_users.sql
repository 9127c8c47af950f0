-- One user per repository and person: who belongs to one project's staff is a customer of another's.
with appearances as (
    {% for table in ('issues', 'comments', 'review_comments') %}
        select
            source_id,
            repository,
            user_id,
            user_login,
            user_type,
            author_association,
            created_at,
            updated_at,
            _load_id,
            _row_number
        from {{ source('github', 'github__' ~ table) }}
        where not _is_deleted
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
)

select
    source_id,
    repository || '/' || coalesce(user_id, 'unknown') as user_id,
    case
        when bool_or(user_type = 'Bot' or user_login like '%[bot]') then 'system'
        when bool_or(author_association in ('OWNER', 'MEMBER', 'COLLABORATOR')) then 'agent'
        when user_id is null then 'unknown'
        else 'customer'
    end as role,
    coalesce(bool_or(user_type = 'Bot' or user_login like '%[bot]'), false) as is_bot,
    arg_max(user_login, (updated_at, _load_id::double, _row_number)) as name,
    user_id as external_id,
    min(created_at) as created_at,
    max(updated_at) as updated_at
from appearances
group by source_id, repository, user_id
