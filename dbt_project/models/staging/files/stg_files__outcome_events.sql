{{ newest_version(source('files', 'files__outcome_events'), key=['event_id']) }}
