-- Found are the units that the analysis can see: customers in the panel, tickets with a dose, shifts on the roster.
with trials as (
    select * from {{ ref('int_experiments__trials') }}
),

customers as (
    select * from {{ ref('int_experiments__customers') }}
),

panel_customers as (
    select distinct customer_id from {{ ref('panel_customers') }}
),

ticket_arms as (
    select * from {{ ref('int_experiments__ticket_arms') }}
),

dosed_tickets as (
    select distinct
        source_id,
        ticket_id
    from {{ ref('dose_turns') }}
    where responsiveness is not null
),

shift_arms as (
    select * from {{ ref('int_experiments__shift_arms') }}
),

slot_arms as (
    select * from {{ ref('int_experiments__slot_arms') }}
),

found as (
    select
        customers.source_id,
        customers.experiment_id,
        customers.arm not in ('control', 'usual', 'holdout') as is_treated
    from customers
    inner join panel_customers on customers.customer_id = panel_customers.customer_id
    union all
    select
        trials.source_id,
        trials.experiment_id,
        ticket_arms.is_treated
    from ticket_arms
    inner join dosed_tickets
        on ticket_arms.source_id = dosed_tickets.source_id and ticket_arms.ticket_id = dosed_tickets.ticket_id
    inner join trials on ticket_arms.experiment_id = trials.experiment_id and trials.unit = 'ticket'
    union all
    select
        source_id,
        experiment_id,
        is_treated
    from shift_arms
    union all
    select
        source_id,
        experiment_id,
        is_treated
    from slot_arms
),

counted as (
    select
        source_id,
        experiment_id,
        count(*) as n_found_units,
        count(*) filter (where not is_treated) as n_found_control_units
    from found
    group by source_id, experiment_id
),

final as (
    select
        trials.source_id,
        trials.experiment_id,
        trials.unit,
        trials.lever,
        trials.first_assigned_at,
        trials.n_units,
        trials.n_control_units,
        trials.n_units - trials.n_control_units as n_treated_units,
        coalesce(counted.n_found_control_units, 0) as n_found_control_units,
        coalesce(counted.n_found_units - counted.n_found_control_units, 0) as n_found_treated_units,
        trials.problem
    from trials
    left join counted
        on trials.source_id = counted.source_id and trials.experiment_id = counted.experiment_id
)

select * from final
