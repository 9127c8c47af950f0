{{ newest_version(source('files', 'files__social_post_metrics'), key=['post_id', 'measured_at']) }}
