{{ newest_version(source('files', 'files__support_messages'), key=['message_id']) }}
