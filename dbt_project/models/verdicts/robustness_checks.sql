with context as (
    select * from {{ source('run', 'context') }}
),

checks as (
    select * from {{ source('estimates', 'robustness_checks') }}
),

final as (
    select
        context.run_id,
        checks.check_id,
        checks.gate_code,
        checks.claim_id,
        checks.estimate_id,
        checks.kind,
        checks.statistic,
        checks.value,
        checks.threshold,
        checks.passed,
        checks.blocking,
        checks.detail,
        checks.p,
        checks.lo,
        checks.hi
    from checks
    cross join context
)

select * from final
