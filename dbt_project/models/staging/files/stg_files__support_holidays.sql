{{ newest_version(source('files', 'files__support_holidays'), key=['schedule_id', 'local_date']) }}
