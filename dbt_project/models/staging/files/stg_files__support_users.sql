{{ newest_version(source('files', 'files__support_users'), key=['user_id']) }}
