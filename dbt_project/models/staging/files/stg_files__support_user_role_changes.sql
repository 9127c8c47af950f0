{{ newest_version(source('files', 'files__support_user_role_changes'), key=['user_id', 'changed_at']) }}
