-- Planned times of shifts that a trial of reply times put into an arm.
with experiments as (
    select * from {{ ref('input_shared__experiments') }}
    where deleted_at is null and unit = 'shift'
),

trials as (
    select * from {{ ref('int_experiments__trials') }}
    where lever = 'responsiveness' and problem is null
),

shifts as (
    select * from {{ ref('input_support__shifts') }}
    where deleted_at is null
),

final as (
    select
        experiments.source_id,
        experiments.experiment_id,
        shifts.source_id as shift_source_id,
        shifts.shift_id,
        shifts.queue,
        shifts.planned_start_at,
        shifts.planned_end_at,
        lower(trim(experiments.arm)) not in ('control', 'usual', 'holdout') as is_treated
    from experiments
    inner join trials
        on experiments.source_id = trials.source_id and experiments.experiment_id = trials.experiment_id
    inner join shifts on experiments.unit_id = shifts.shift_id
    qualify
        experiments.source_id = shifts.source_id
        or count(*) over (partition by experiments.source_id, experiments.experiment_id, experiments.unit_id) = 1
)

select * from final
