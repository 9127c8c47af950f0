{{ newest_version(source('files', 'files__crm_subscriptions'), key=['subscription_id']) }}
