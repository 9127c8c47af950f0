{{ newest_version(
    source('files', 'files__support_schedules'),
    key=['schedule_id', 'weekday', 'opens_at', 'valid_from'],
) }}
