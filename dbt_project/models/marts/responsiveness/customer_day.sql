{{ responsiveness('customer', 'day') }}
