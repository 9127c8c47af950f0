{{ newest_version(source('files', 'files__support_ratings'), key=['rating_id']) }}
