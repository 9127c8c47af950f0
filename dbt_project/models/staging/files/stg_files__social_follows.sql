{{ newest_version(source('files', 'files__social_follows'), key=['account_id', 'brand_account_id', 'followed_at']) }}
