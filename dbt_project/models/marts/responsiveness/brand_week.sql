{{ responsiveness('brand', 'week') }}
