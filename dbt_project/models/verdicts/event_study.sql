with context as (
    select * from {{ source('run', 'context') }}
),

points as (
    select * from {{ source('estimates', 'event_study') }}
),

final as (
    select
        context.run_id,
        points.point_id,
        points.claim_id,
        points.measure,
        points.unit,
        points.event_time_weeks,
        points.phase,
        points.estimate,
        points.se,
        points.ci95_lo,
        points.ci95_hi,
        points.simultaneous_lo,
        points.simultaneous_hi,
        points.n_cohorts,
        points.n_customers,
        points.control,
        points.reason
    from points
    cross join context
)

select * from final
