with context as (
    select * from {{ source('run', 'context') }}
),

checks as (
    select * from {{ source('estimates', 'robustness_checks') }}
),

final as (
    select
        context.run_id,
        checks.*
    from checks
    cross join context
)

select * from final
