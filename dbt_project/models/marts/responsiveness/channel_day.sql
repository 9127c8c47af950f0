{{ responsiveness('channel', 'day') }}
