{{ responsiveness('customer', 'week') }}
