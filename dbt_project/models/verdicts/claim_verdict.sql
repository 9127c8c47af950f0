-- The pre-registered rule. Codes are tried in the order of the cases; the first that holds decides.
with estimates as (
    select * from {{ ref('effect_estimates') }}
    where is_primary
),

checks as (
    select * from {{ ref('robustness_checks') }}
),

context as (
    select * from {{ source('run', 'context') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

deltas as (
    select * from estimates
    where quantity = 'delta'
),

thetas_r as (
    select * from estimates
    where quantity = 'theta' and lever = 'responsiveness'
),

thetas_b as (
    select * from estimates
    where quantity = 'theta' and lever = 'broadcast'
),

ratios as (
    select * from estimates
    where quantity = 'kappa_star'
),

gates as (
    select
        claim_id,
        count(*) filter (where passed) as gates_passed,
        count(*) as gates_total,
        count(*) filter (where not passed and gate_code = 'G9') as n_data_quality_failures,
        count(*) filter (
            where not passed and gate_code in ('G1', 'G2', 'G3', 'G4', 'G5', 'G6')
        ) as n_identification_failures,
        count(*) filter (where not passed and gate_code in ('G7', 'G8')) as n_fragility_failures
    from checks
    where blocking
    group by claim_id
),

assembled as (
    select
        deltas.*,
        plan.sesoi,
        thetas_r.estimate as theta_r,
        thetas_r.ci95_lo as theta_r_ci95_lo,
        thetas_r.ci90_lo as theta_r_ci90_lo,
        thetas_r.ci90_hi as theta_r_ci90_hi,
        thetas_b.estimate as theta_b,
        ratios.estimate as kappa_star,
        coalesce(gates.gates_passed, 0) as gates_passed,
        coalesce(gates.gates_total, 0) as gates_total,
        coalesce(gates.n_data_quality_failures, 0) as n_data_quality_failures,
        coalesce(gates.n_fragility_failures, 0) as n_fragility_failures,
        -- Grades run from A, the strongest, to D.
        coalesce(gates.n_identification_failures, 0) > 0
        or deltas.evidence_grade_r > 'B'
        or deltas.evidence_grade_b > 'C' as lacks_identification
    from deltas
    inner join plan on deltas.claim_id = plan.claim_id
    left join thetas_r on deltas.claim_id = thetas_r.claim_id
    left join thetas_b on deltas.claim_id = thetas_b.claim_id
    left join ratios on deltas.claim_id = ratios.claim_id
    left join gates on deltas.claim_id = gates.claim_id
),

coded as (
    select
        *,
        case
            when n_data_quality_failures > 0 or estimate is null or se is null then 'data_quality'
            when lacks_identification then 'identification'
            when n_fragility_failures > 0 then 'fragile'
            when theta_r_ci90_lo > -sesoi and theta_r_ci90_hi < sesoi then 'null'
            when ci95_hi < 0 and estimate <= -sesoi then 'reverse'
            when ci95_lo > 0 and estimate >= sesoi and theta_r_ci95_lo > 0
                then case when ci95_lo > sesoi then 'strong' else 'supported' end
            when ci90_lo > -sesoi and ci90_hi < sesoi then 'tie'
            else 'wide'
        end as reason_code
    from assembled
),

final as (
    select
        coded.run_id,
        coded.claim_id,
        coded.outcome,
        case
            when coded.reason_code in ('strong', 'supported') then 'supported'
            when coded.reason_code in ('null', 'reverse', 'tie') then 'contradicted'
            else 'inconclusive'
        end as verdict,
        coded.reason_code,
        coded.design,
        coded.evidence_grade_r,
        coded.evidence_grade_b,
        coded.unit,
        coded.estimate as delta,
        coded.se as delta_se,
        coded.ci95_lo,
        coded.ci95_hi,
        coded.ci90_lo,
        coded.ci90_hi,
        coded.sesoi,
        coded.theta_r,
        coded.theta_b,
        coded.cov_rb,
        coded.kappa_star,
        null::double as "lambda",
        null::double as lambda_se,
        coded.mde,
        coded.n_customers,
        coded.n_tickets,
        coded.n_shifts,
        coded.f_eff as first_stage_f,
        coded.gates_passed,
        coded.gates_total,
        null::double as p_holm,
        null::boolean as yardstick_agree,
        case coded.reason_code
            when 'data_quality'
                then
                    'Outcomes, replies and broadcasts of the same customers over at least '
                    || plan.horizon_weeks || ' weeks after each week, with the checks that failed mended.'
            when 'identification'
                then
                    'A randomised queue-priority trial and a broadcast holdout (table experiments), '
                    || 'or the rota of planned and actual shifts (support_shifts) together with '
                    || 'broadcasts recorded per customer (crm_campaign_sends or social_follows).'
            when 'wide'
                then
                    'More of the same data: the smallest effect that this sample could find is '
                    || printf('%.4f', coded.mde) || ', the smallest that matters '
                    || printf('%.4f', coded.sesoi) || '.'
            when 'fragile'
                then 'A design whose answer does not hang on the choice of specification.'
        end as what_would_settle_it,
        context.plan_sha as prereg_sha,
        context.data_sha,
        context.code_version,
        context.seed,
        context.as_of
    from coded
    cross join context
    inner join plan on coded.claim_id = plan.claim_id
)

select * from final
