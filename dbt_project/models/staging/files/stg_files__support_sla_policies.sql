{{ newest_version(
    source('files', 'files__support_sla_policies'),
    key=['policy_id', 'metric', 'priority', 'valid_from'],
) }}
