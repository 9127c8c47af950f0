{{ newest_version(source('files', 'files__crm_campaigns'), key=['campaign_id']) }}
