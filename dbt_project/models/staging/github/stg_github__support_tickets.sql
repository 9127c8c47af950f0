-- A person on the staff who opens a ticket starts a conversation of the company's own.
select
    issues.source_id,
    issues.repository || '#' || issues.number as ticket_id,
    issues.created_at,
    issues.repository || '/' || coalesce(issues.user_id, 'unknown') as requester_id,
    issues.repository || '/' || coalesce(issues.user_id, 'unknown') as submitter_id,
    issues.repository as brand_id,
    'other' as channel,
    issues.title as subject,
    case when issues.pull_request is null then 'issue' else 'pr' end as queue,
    issues.repository || '/' || issues.assignee_id as assignee_id,
    case issues.state when 'open' then 'open' when 'closed' then 'solved' else issues.state end as status,
    persons.role = 'agent' as is_proactive,
    issues.labels ->> '$[*].name' as tags,
    issues.html_url as source_url,
    issues.updated_at,
    issues._deleted_at as deleted_at
from ({{ newest_record(source('github', 'github__issues'), ['repository', 'number'], 'updated_at') }}) as issues
left join {{ ref('stg_github__support_users') }} as persons
    on
        issues.source_id = persons.source_id
        and issues.repository || '/' || coalesce(issues.user_id, 'unknown') = persons.user_id
