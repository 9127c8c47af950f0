with context as (
    select * from {{ source('run', 'context') }}
),

offers as (
    select * from {{ source('estimates', 'design_offers') }}
),

final as (
    select
        context.run_id,
        offers.claim_id,
        offers.position,
        offers.lever,
        offers.design,
        offers.label,
        offers.evidence_grade,
        offers.is_offered,
        offers.is_used,
        offers.reason,
        offers.to_record
    from offers
    cross join context
)

select * from final
