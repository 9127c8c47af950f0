-- What each experiment compares: one control arm with one treated arm, or why it can't be used.
with experiments as (
    select * from {{ ref('input_shared__experiments') }}
    where deleted_at is null
),

units as (
    select
        *,
        lower(trim(arm)) in ('control', 'usual', 'holdout') as is_control
    from experiments
),

final as (
    select
        source_id,
        experiment_id,
        min(unit) as unit,
        min(lever) as lever,
        count(*) as n_units,
        count(*) filter (where is_control) as n_control_units,
        min(assigned_at) as first_assigned_at,
        case
            when count(distinct unit) > 1 or count(distinct lever) > 1 then 'several units or levers'
            when min(lever) is null then 'no lever named'
            when count(distinct lower(trim(arm))) filter (where is_control) <> 1 then 'not one control arm'
            when count(distinct lower(trim(arm))) <> 2 then 'not two arms'
        end as problem
    from units
    group by source_id, experiment_id
)

select * from final
