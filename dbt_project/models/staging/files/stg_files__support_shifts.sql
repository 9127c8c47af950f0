{{ newest_version(source('files', 'files__support_shifts'), key=['shift_id']) }}
