{{ responsiveness('agent', 'week') }}
