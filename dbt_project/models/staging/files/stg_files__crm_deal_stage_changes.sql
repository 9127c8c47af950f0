{{ newest_version(source('files', 'files__crm_deal_stage_changes'), key=['change_id']) }}
