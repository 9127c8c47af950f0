-- Whom an experiment's customer units are. The unit is a CRM contact, else a support user or an account, of the
-- experiment's own source first, unless it names its system.
with experiments as (
    select
        *,
        {{ experiment_unit_system('unit_id') }} as unit_system,
        {{ experiment_unit_plain_id('unit_id') }} as plain_id
    from {{ ref('input_shared__experiments') }}
    where deleted_at is null and unit = 'customer'
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

matched as (
    select
        experiments.source_id,
        experiments.experiment_id,
        experiments.unit_id,
        experiments.lever,
        lower(trim(experiments.arm)) as arm,
        experiments.assigned_at,
        clusters.customer_id
    from experiments
    inner join clusters
        on
            experiments.plain_id = clusters.id
            and (experiments.unit_system is null or experiments.unit_system = clusters.system)
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
        matched.source_id,
        matched.experiment_id,
        matched.unit_id,
        matched.lever,
        matched.arm,
        matched.assigned_at,
        units.customer_unit_id as customer_id
    from matched
    inner join units on matched.customer_id = units.customer_id
)

select * from final
