{{ newest_version(source('files', 'files__brands'), key=['brand_id']) }}
