{{ newest_version(source('files', 'files__social_accounts'), key=['account_id']) }}
