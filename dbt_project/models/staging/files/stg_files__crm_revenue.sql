{{ newest_version(source('files', 'files__crm_revenue'), key=['revenue_id']) }}
