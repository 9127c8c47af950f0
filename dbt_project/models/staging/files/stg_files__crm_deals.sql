{{ newest_version(source('files', 'files__crm_deals'), key=['deal_id']) }}
