{{ responsiveness('brand', 'day') }}
