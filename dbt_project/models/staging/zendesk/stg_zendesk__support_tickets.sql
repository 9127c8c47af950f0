-- A ticket that an agent or admin opened for nobody's question is the company's own.
select
    tickets.source_id,
    tickets.id as ticket_id,
    tickets.created_at,
    coalesce(tickets.requester_id, '-1') as requester_id,
    tickets.submitter_id,
    tickets.brand_id,
    case
        when tickets.via_channel in ('email', 'chat', 'api', 'web') then tickets.via_channel
        when tickets.via_channel in ('native_messaging', 'messaging', 'chat_transcript') then 'chat'
        when tickets.via_channel in ('voice', 'phone', 'voicemail') then 'phone'
        when tickets.via_channel in ('twitter', 'twitter_dm', 'facebook', 'instagram_dm') then 'social'
        else 'other'
    end as channel,
    tickets.subject,
    tickets.priority,
    tickets.group_id,
    tickets.assignee_id,
    case when tickets.status = 'deleted' then 'closed' else tickets.status end as status,
    openers.role in ('agent', 'admin') and tickets.submitter_id = tickets.requester_id as is_proactive,
    list_contains(tickets.tags::varchar[], 'spam') as is_spam,
    tickets.tags::varchar[] as tags,
    tickets.updated_at,
    case when tickets.status = 'deleted' then tickets.updated_at else tickets._deleted_at end as deleted_at
from ({{ newest_record(source('zendesk', 'zendesk__tickets'), ['id'], 'updated_at') }}) as tickets
left join {{ ref('stg_zendesk__support_users') }} as openers
    on tickets.source_id = openers.source_id and tickets.submitter_id = openers.user_id
