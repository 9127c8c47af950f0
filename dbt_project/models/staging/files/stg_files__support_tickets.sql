{{ newest_version(source('files', 'files__support_tickets'), key=['ticket_id']) }}
