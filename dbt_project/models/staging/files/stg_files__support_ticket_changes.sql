{{ newest_version(source('files', 'files__support_ticket_changes'), key=['change_id']) }}
