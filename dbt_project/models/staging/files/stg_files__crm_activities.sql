{{ newest_version(source('files', 'files__crm_activities'), key=['activity_id']) }}
