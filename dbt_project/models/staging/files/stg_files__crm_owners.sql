{{ newest_version(source('files', 'files__crm_owners'), key=['owner_id']) }}
