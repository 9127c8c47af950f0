{{ responsiveness('brand', 'month') }}
