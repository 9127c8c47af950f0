-- Slots of a queue in a trial of reply times, without a roster: units named brand|Monday|slot|queue.
with experiments as (
    select
        *,
        string_split({{ experiment_unit_plain_id('unit_id') }}, '|') as parts
    from {{ ref('input_shared__experiments') }}
    where deleted_at is null and unit = 'shift'
),

trials as (
    select * from {{ ref('int_experiments__trials') }}
    where lever = 'responsiveness' and problem is null
),

final as (
    select
        experiments.source_id,
        experiments.experiment_id,
        experiments.parts[1] as brand_id,
        try_cast(experiments.parts[2] as date) as week_start,
        try_cast(experiments.parts[3] as integer) as slot,
        array_to_string(experiments.parts[4:], '|') as queue,
        lower(trim(experiments.arm)) not in ('control', 'usual', 'holdout') as is_treated
    from experiments
    inner join trials
        on experiments.source_id = trials.source_id and experiments.experiment_id = trials.experiment_id
    where
        len(experiments.parts) >= 4
        and try_cast(experiments.parts[2] as date) is not null
        and try_cast(experiments.parts[3] as integer) between 0 and 20
)

select * from final
