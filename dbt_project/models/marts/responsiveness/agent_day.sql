{{ responsiveness('agent', 'day') }}
