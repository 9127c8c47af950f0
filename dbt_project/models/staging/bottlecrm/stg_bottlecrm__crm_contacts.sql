-- The account named on the contact is its main one; many contacts are only in the list of an account.
with contacts as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__contacts'), ['id'], 'updated_at') }}
)

select
    source_id,
    id as contact_id,
    coalesce(account, linked_accounts ->> '$[0]') as account_id,
    nullif(trim(email), '') as email,
    coalesce(nullif(phone_e164, ''), nullif(phone, '')) as phone,
    nullif(trim(concat_ws(' ', first_name, last_name)), '') as name,
    created_at,
    assigned_to ->> '$[0]' as owner_id,
    updated_at,
    _deleted_at as deleted_at
from contacts
