{{ newest_version(source('files', 'files__crm_campaign_sends'), key=['send_id']) }}
