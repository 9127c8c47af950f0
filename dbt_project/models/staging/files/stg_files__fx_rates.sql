{{ newest_version(source('files', 'files__fx_rates'), key=['currency', 'day']) }}
