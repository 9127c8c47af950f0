-- Customers that an experiment holds out from broadcast. The unit is a CRM contact, else a support user or an
-- account, of the experiment's own source first.
with experiments as (
    select * from {{ ref('input_shared__experiments') }}
    where deleted_at is null and unit = 'customer' and lever = 'broadcast' and lower(trim(arm)) = 'holdout'
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

matched as (
    select
        experiments.assigned_at,
        clusters.customer_id
    from experiments
    inner join clusters on experiments.unit_id = clusters.id
    qualify
        row_number() over (
            partition by experiments.source_id, experiments.experiment_id, experiments.unit_id
            order by
                experiments.source_id <> clusters.source_id,
                clusters.system <> 'crm_contacts',
                clusters.system <> 'support_users',
                clusters.system,
                clusters.source_id
        ) = 1
),

final as (
    select
        units.customer_unit_id as customer_id,
        min(matched.assigned_at) as held_out_from
    from matched
    inner join units on matched.customer_id = units.customer_id
    group by units.customer_unit_id
)

select * from final
