with context as (
    select * from {{ source('run', 'context') }}
),

estimates as (
    select * from {{ source('estimates', 'effect_estimates') }}
),

final as (
    select
        context.run_id,
        estimates.*
    from estimates
    cross join context
)

select * from final
