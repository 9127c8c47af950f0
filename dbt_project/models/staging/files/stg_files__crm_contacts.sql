{{ newest_version(source('files', 'files__crm_contacts'), key=['contact_id']) }}
