-- The account named on the contact is its main one; many contacts are only in the list of an account. A custom field
-- that is named like a platform holds the handle there.
with contacts as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__contacts'), ['id'], 'updated_at') }}
),

fields as (
    select
        source_id,
        id,
        custom_fields,
        unnest(
            ['bluesky', 'facebook', 'github', 'instagram', 'linkedin', 'mastodon', 'reddit', 'x', 'youtube']
        ) as platform
    from contacts
),

handles as (
    select
        source_id,
        id,
        list(platform || ':' || trim(custom_fields ->> platform) order by platform) as social_handles
    from fields
    where trim(custom_fields ->> platform) <> ''
    group by source_id, id
)

select
    contacts.source_id,
    contacts.id as contact_id,
    coalesce(contacts.account, contacts.linked_accounts ->> '$[0]') as account_id,
    nullif(trim(contacts.email), '') as email,
    coalesce(nullif(contacts.phone_e164, ''), nullif(contacts.phone, '')) as phone,
    nullif(trim(concat_ws(' ', contacts.first_name, contacts.last_name)), '') as name,
    handles.social_handles,
    contacts.created_at,
    contacts.assigned_to ->> '$[0]' as owner_id,
    contacts.updated_at,
    contacts._deleted_at as deleted_at
from contacts
left join handles on contacts.source_id = handles.source_id and contacts.id = handles.id
