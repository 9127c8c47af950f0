with context as (
    select * from {{ source('run', 'context') }}
),

estimates as (
    select * from {{ source('estimates', 'effect_estimates') }}
),

final as (
    select
        context.run_id,
        estimates.estimate_id,
        estimates.claim_id,
        estimates.lever,
        estimates.quantity,
        estimates.outcome,
        estimates.estimator,
        estimates.spec_id,
        estimates.design,
        estimates.evidence_grade_r,
        estimates.evidence_grade_b,
        estimates.is_primary,
        estimates.is_naive,
        estimates.unit,
        estimates.estimate,
        estimates.se,
        estimates.se_type,
        estimates.df,
        estimates.ci95_lo,
        estimates.ci95_hi,
        estimates.ci90_lo,
        estimates.ci90_hi,
        estimates.p,
        estimates.q_bh,
        estimates.p_claim,
        estimates.more_is_better,
        estimates.cov_rb,
        estimates.mde,
        estimates.scale_p25,
        estimates.scale_p75,
        estimates.contact_rate,
        estimates.n_obs,
        estimates.n_customers,
        estimates.n_tickets,
        estimates.n_shifts,
        estimates.n_clusters_1,
        estimates.n_clusters_2,
        estimates.max_cluster_share,
        estimates.f_eff,
        estimates.ar_lo,
        estimates.ar_hi,
        estimates.window_start,
        estimates.window_end
    from estimates
    cross join context
)

select * from final
