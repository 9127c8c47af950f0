{{ responsiveness('customer', 'month') }}
