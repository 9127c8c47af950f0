-- Customers in a trial of reply times. Who turned out to be in both arms is in none. Of several trials, the first.
with customers as (
    select * from {{ ref('int_experiments__customers') }}
),

trials as (
    select * from {{ ref('int_experiments__trials') }}
    where lever = 'responsiveness' and problem is null
),

arms as (
    select
        customers.customer_id,
        trials.experiment_id,
        min(trials.first_assigned_at) as first_assigned_at,
        min(customers.assigned_at) as assigned_at,
        bool_or(customers.arm not in ('control', 'usual', 'holdout')) as is_treated
    from customers
    inner join trials
        on customers.source_id = trials.source_id and customers.experiment_id = trials.experiment_id
    group by customers.customer_id, trials.experiment_id
    having count(distinct customers.arm) = 1
),

final as (
    select
        customer_id,
        experiment_id,
        assigned_at,
        is_treated
    from arms
    qualify row_number() over (partition by customer_id order by first_assigned_at, experiment_id) = 1
)

select * from final
