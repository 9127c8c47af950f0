{{ newest_version(source('files', 'files__staff_costs'), key=['function', 'week']) }}
