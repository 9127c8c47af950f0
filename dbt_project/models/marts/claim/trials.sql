with final as (
    select
        source_id,
        experiment_id,
        unit,
        lever,
        first_assigned_at,
        n_units,
        n_control_units,
        n_units - n_control_units as n_treated_units,
        problem
    from {{ ref('int_experiments__trials') }}
)

select * from final
