{{ newest_version(source('files', 'files__support_incidents'), key=['incident_id']) }}
