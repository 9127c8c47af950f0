{{ responsiveness('agent', 'month') }}
