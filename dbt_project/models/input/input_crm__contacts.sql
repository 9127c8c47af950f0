select
    source_id,
    contact_id,
    account_id,
    email,
    phone,
    name,
    social_handles,
    support_external_id,
    created_at,
    owner_id,
    merged_into_contact_id,
    source_url,
    updated_at,
    deleted_at
from {{ every_source('crm_contacts') }}
