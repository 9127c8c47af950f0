-- The one that stays names those that were merged into it.
with contacts as (
    {{ newest_record(source('hubspot', 'hubspot__contacts'), ['id'], 'updated_at') }}
),

gone as (
    select
        source_id,
        id as kept_id,
        unnest(string_split(hs_merged_object_ids, ';')) as gone_id
    from contacts
    where hs_merged_object_ids is not null
),

merged as (
    select
        source_id,
        trim(gone_id) as id,
        max(kept_id) as merged_into_contact_id
    from gone
    group by source_id, trim(gone_id)
),

archived as (
    {{ newest_record(source('hubspot', 'hubspot__archived_contacts'), ['id']) }}
)

select
    contacts.source_id,
    contacts.id as contact_id,
    contacts.associatedcompanyid as account_id,
    contacts.email,
    contacts.phone,
    nullif(trim(concat_ws(' ', contacts.firstname, contacts.lastname)), '') as name,
    contacts.created_at,
    contacts.hubspot_owner_id as owner_id,
    merged.merged_into_contact_id,
    contacts.updated_at,
    archived.archived_at as deleted_at
from contacts
left join merged on contacts.source_id = merged.source_id and contacts.id = merged.id
left join archived
    on contacts.source_id = archived.source_id and contacts.id = archived.id and archived._deleted_at is null
