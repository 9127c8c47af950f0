{{ responsiveness('channel', 'month') }}
