-- The pre-registered rule. Codes are tried in the order of the cases; the first that holds decides.
with all_estimates as (
    select * from {{ ref('effect_estimates') }}
),

estimates as (
    select * from all_estimates
    where is_primary
),

checks as (
    select * from {{ ref('robustness_checks') }}
),

claims as (
    select * from {{ ref('claims') }}
),

entries as (
    select * from {{ source('run', 'claim_entries') }}
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

first_levers as (
    select * from estimates
    where quantity = 'theta' and lever in ('responsiveness', 'human_reply', 'service')
),

second_levers as (
    select * from estimates
    where quantity = 'theta' and lever in ('broadcast', 'post')
),

ratios as (
    select * from estimates
    where quantity = 'kappa_star'
),

returns as (
    select * from estimates
    where quantity = 'lambda'
),

-- Claim C3: mixed posts less wholly scheduled ones.
over_full_automation as (
    select * from estimates
    where quantity = 'effect' and lever = 'full_automation'
),

-- Claim C7: only one lever can lie above the best of the others.
rivals as (
    select
        claim_id,
        max(estimate) as difference,
        max(ci95_lo) as ci95_lo
    from estimates
    where quantity = 'effect' and lever like '%_over_others'
    group by claim_id
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
        count(*) filter (where not passed and gate_code in ('G7', 'G8')) as n_fragility_failures,
        string_agg(detail, '; ' order by check_id) filter (
            where not passed and gate_code = 'G9'
        ) as data_quality_failures
    from checks
    where blocking
    group by claim_id
),

-- Holm (1979): the smallest p-value times the number of tests, the next times one less, and never falling.
ranked as (
    select
        deltas.claim_id,
        deltas.p_claim,
        row_number() over (order by deltas.p_claim, deltas.claim_id) as place,
        count(*) over () as n_tests
    from deltas
    inner join entries on deltas.claim_id = entries.claim_id
    inner join claims on deltas.claim_id = claims.claim_id
    where claims.correction = 'holm' and deltas.p_claim is not null
),

corrected as (
    select
        claim_id,
        least(max((n_tests - place + 1) * p_claim) over (order by place rows unbounded preceding), 1) as p_holm
    from ranked
),

-- The same among a claim's secondary outcomes; more is better of some (sales), worse of others (churn).
ranked_secondary as (
    select
        claim_id,
        outcome,
        p,
        (estimate > 0) = more_is_better as does_good,
        row_number() over (partition by claim_id order by p, estimate_id) as place,
        count(*) over (partition by claim_id) as n_tests
    from all_estimates
    where more_is_better is not null and estimate is not null and p is not null
),

corrected_secondary as (
    select
        claim_id,
        outcome,
        does_good,
        max((n_tests - place + 1) * p)
            over (partition by claim_id order by place rows unbounded preceding) as p_holm
    from ranked_secondary
),

secondary as (
    select
        claim_id,
        string_agg(outcome, ', ' order by outcome) filter (where does_good) as outcomes_that_gain,
        string_agg(outcome, ', ' order by outcome) filter (where not does_good) as outcomes_that_lose
    from corrected_secondary
    where p_holm < 0.05
    group by claim_id
),

wanting as (
    select
        claim_id,
        string_agg(to_record, ' Or: ' order by position) as designs_to_record
    from {{ ref('design_offers') }}
    where not is_offered and evidence_grade <= 'B'
    group by claim_id
),

assembled as (
    select
        deltas.* exclude (run_id, claim_id, outcome), -- noqa: RF02
        entries.claim_id,
        entries.sesoi,
        entries.is_exploratory,
        claims.rule,
        coalesce(deltas.outcome, plan.outcome_name) as outcome,
        plan.horizon_weeks,
        first_levers.estimate as theta_r,
        first_levers.ci95_lo as theta_r_ci95_lo,
        first_levers.ci90_lo as theta_r_ci90_lo,
        first_levers.ci90_hi as theta_r_ci90_hi,
        second_levers.estimate as theta_b,
        ratios.estimate as kappa_star,
        returns.estimate as "lambda",
        returns.se as lambda_se,
        sign(returns.estimate) = sign(deltas.estimate) as yardstick_agree,
        over_full_automation.ci95_lo as over_full_ci95_lo,
        over_full_automation.ci95_hi as over_full_ci95_hi,
        over_full_automation.ci90_hi as over_full_ci90_hi,
        rivals.difference as rival_difference,
        rivals.ci95_lo as rival_ci95_lo,
        corrected.p_holm,
        coalesce(corrected.p_holm < 0.05, claims.correction <> 'holm') as is_significant,
        secondary.outcomes_that_gain,
        secondary.outcomes_that_lose,
        wanting.designs_to_record,
        gates.data_quality_failures,
        coalesce(gates.gates_passed, 0) as gates_passed,
        coalesce(gates.gates_total, 0) as gates_total,
        coalesce(gates.n_data_quality_failures, 0) as n_data_quality_failures,
        coalesce(gates.n_fragility_failures, 0) as n_fragility_failures,
        -- Grades run from A, the strongest, to D.
        coalesce(gates.n_identification_failures, 0) > 0
        or coalesce(deltas.evidence_grade_r > 'B', true)
        or coalesce(deltas.evidence_grade_b > 'C', true) as lacks_identification
    from entries
    cross join plan
    inner join claims on entries.claim_id = claims.claim_id
    {% for found in [
        'deltas', 'first_levers', 'second_levers', 'ratios', 'returns', 'over_full_automation', 'rivals', 'corrected',
        'secondary', 'wanting', 'gates',
    ] %}
        left join {{ found }} on entries.claim_id = {{ found }}.claim_id
    {% endfor %}
),

-- What the numbers say, whatever identifies them.
readings as (
    select
        *,
        case rule
            when 'mix'
                then case
                    when is_significant and (ci95_hi < -sesoi or over_full_ci95_hi < 0) then 'reverse'
                    when is_significant and ci95_lo > -sesoi and over_full_ci95_lo > 0
                        then case when over_full_ci95_lo > sesoi then 'strong' else 'supported' end
                    when over_full_ci90_hi < sesoi then 'tie'
                    else 'wide'
                end
            when 'first_of_four'
                then case
                    when theta_r_ci90_lo > -sesoi and theta_r_ci90_hi < sesoi then 'null'
                    when rival_ci95_lo > 0 and rival_difference >= sesoi then 'reverse'
                    when ci95_lo > 0 and estimate >= sesoi and theta_r_ci95_lo > 0
                        then case when ci95_lo > sesoi then 'strong' else 'supported' end
                    else 'wide'
                end
            else case
                when theta_r_ci90_lo > -sesoi and theta_r_ci90_hi < sesoi then 'null'
                when is_significant and ci95_hi < 0 and estimate <= -sesoi then 'reverse'
                when
                    is_significant and ci95_lo > 0 and estimate >= sesoi
                    and (rule = 'one_lever' or theta_r_ci95_lo > 0)
                    then case when ci95_lo > sesoi then 'strong' else 'supported' end
                when ci90_lo > -sesoi and ci90_hi < sesoi then 'tie'
                else 'wide'
            end
        end as reading
    from assembled
),

-- Secondary outcomes that point against what the primary one says.
opposed as (
    select
        *,
        case
            when reading in ('strong', 'supported') then outcomes_that_lose
            when reading in ('null', 'reverse') then outcomes_that_gain
        end as opposing_outcomes
    from readings
),

coded as (
    select
        *,
        case
            when n_data_quality_failures > 0 or not coalesce(isfinite(estimate) and isfinite(se), false)
                then 'data_quality'
            when lacks_identification then 'identification'
            when n_fragility_failures > 0 or opposing_outcomes is not null then 'fragile'
            when not yardstick_agree then 'yardstick_conflict'
            else reading
        end as reason_code
    from opposed
),

final as (
    select
        context.run_id,
        coded.claim_id,
        coded.outcome,
        case
            when coded.reason_code in ('strong', 'supported') then 'supported'
            when coded.reason_code in ('null', 'reverse', 'tie') then 'contradicted'
            else 'inconclusive'
        end as verdict,
        coded.reason_code,
        case
            when coded.reason_code = 'data_quality' then 'neither'
            when coded.reading in ('strong', 'supported') then 'claim'
            when coded.reading = 'reverse' then 'opposite'
            when coded.reading = 'null' then 'no_effect'
            when coded.reading = 'tie' then 'no_difference'
            else 'neither'
        end as consistent_with,
        coded.is_exploratory,
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
        coded.lambda as "lambda",
        coded.lambda_se,
        coded.mde,
        coded.n_customers,
        coded.n_tickets,
        coded.n_shifts,
        coded.f_eff as first_stage_f,
        coded.gates_passed,
        coded.gates_total,
        coded.p_holm,
        coded.yardstick_agree,
        case coded.reason_code
            when 'data_quality'
                then case coded.claim_id
                    when 'C1'
                        then
                            'Outcomes, replies and broadcasts of the same customers over at least '
                            || coded.horizon_weeks || ' weeks after each week, with the checks that failed mended.'
                    else
                        'What is missing, recorded for customers whose outcomes are known: '
                        || coalesce(coded.data_quality_failures, 'no estimate was made') || '.'
                end
            when 'identification'
                then case coded.claim_id
                    when 'C1'
                        then
                            'A randomised queue-priority trial and a broadcast holdout (table experiments), '
                            || 'or the roster of planned and actual shifts (support_shifts) together with '
                            || 'broadcasts recorded per customer (crm_campaign_sends or social_follows).'
                    else coalesce(coded.designs_to_record, 'A design whose gates pass on these data.')
                end
            when 'wide'
                then
                    'More of the same data: the smallest effect that this sample could find is '
                    || printf('%.4f', coded.mde) || ', the smallest that matters '
                    || printf('%.4f', coded.sesoi) || '.'
            when 'fragile'
                then
                    case
                        when coded.opposing_outcomes is null
                            then 'A design whose answer does not hang on the choice of specification.'
                        else
                            'Why faster answers move ' || coded.opposing_outcomes
                            || ' the other way: this secondary outcome is significant against the primary one.'
                            || case
                                when coded.n_fragility_failures > 0
                                    then ' And a design whose answer does not hang on the choice of specification.'
                                else ''
                            end
                    end
            when 'yardstick_conflict'
                then 'Better cost data: per hour and per unit of the outcome, the levers rank the other way round.'
        end as what_would_settle_it,
        context.plan_sha as prereg_sha,
        context.data_sha,
        context.code_version,
        context.seed,
        context.as_of
    from coded
    cross join context
)

select * from final
