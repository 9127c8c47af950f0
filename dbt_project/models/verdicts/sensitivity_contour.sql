with context as (
    select * from {{ source('run', 'context') }}
),

points as (
    select * from {{ source('estimates', 'sensitivity_contour') }}
),

final as (
    select
        context.run_id,
        points.point_id,
        points.claim_id,
        points.benchmark,
        points.multiple,
        points.is_strongest,
        points.is_assignment,
        points.r2_broadcast,
        points.r2_outcome,
        points.delta,
        points.move,
        points.half_width,
        points.scale,
        points.robustness_value,
        points.robustness_value_interval
    from points
    cross join context
)

select * from final
