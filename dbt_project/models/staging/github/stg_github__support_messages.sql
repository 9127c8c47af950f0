with openings as (
    select
        source_id,
        repository || '#' || number || ':o' as message_id,
        repository || '#' || number as ticket_id,
        repository || '/' || coalesce(user_id, 'unknown') as author_id,
        created_at as sent_at,
        'opening' as channel,
        body,
        html_url as source_url,
        updated_at,
        _deleted_at as deleted_at
    from ({{ newest_record(source('github', 'github__issues'), ['repository', 'number'], 'updated_at') }})
),

comments as (
    select
        source_id,
        repository || ':c' || id as message_id,
        repository || '#' || split_part(issue_url, '/', -1) as ticket_id,
        repository || '/' || coalesce(user_id, 'unknown') as author_id,
        created_at as sent_at,
        'comment' as channel,
        body,
        html_url as source_url,
        updated_at,
        _deleted_at as deleted_at
    from ({{ newest_record(source('github', 'github__comments'), ['repository', 'id'], 'updated_at') }})
),

review_comments as (
    select
        source_id,
        repository || ':r' || id as message_id,
        repository || '#' || split_part(pull_request_url, '/', -1) as ticket_id,
        repository || '/' || coalesce(user_id, 'unknown') as author_id,
        created_at as sent_at,
        'review_comment' as channel,
        body,
        html_url as source_url,
        updated_at,
        _deleted_at as deleted_at
    from ({{ newest_record(source('github', 'github__review_comments'), ['repository', 'id'], 'updated_at') }})
),

messages as (
    select * from openings
    union all
    select * from comments
    union all
    select * from review_comments
)

select
    *,
    true as is_public
from messages
