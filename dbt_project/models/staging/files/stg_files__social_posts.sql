{{ newest_version(source('files', 'files__social_posts'), key=['post_id']) }}
