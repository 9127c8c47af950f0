{{ newest_version(source('files', 'files__experiments'), key=['experiment_id', 'unit_id']) }}
