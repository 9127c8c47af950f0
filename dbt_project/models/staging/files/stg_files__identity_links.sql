{{ newest_version(
    source('files', 'files__identity_links'),
    key=['left_system', 'left_id', 'right_system', 'right_id'],
) }}
