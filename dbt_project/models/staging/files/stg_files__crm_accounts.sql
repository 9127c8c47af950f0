{{ newest_version(source('files', 'files__crm_accounts'), key=['account_id']) }}
