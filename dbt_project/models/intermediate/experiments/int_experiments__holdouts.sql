-- Customers that an experiment holds out from broadcast.
with customers as (
    select * from {{ ref('int_experiments__customers') }}
    where lever = 'broadcast' and arm = 'holdout'
),

final as (
    select
        customer_id,
        min(assigned_at) as held_out_from
    from customers
    group by customer_id
)

select * from final
