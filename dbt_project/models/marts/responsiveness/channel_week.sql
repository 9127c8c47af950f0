{{ responsiveness('channel', 'week') }}
