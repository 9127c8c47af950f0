with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

turns as (
    select * from {{ ref('fct_response_turns') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

turn_shifts as (
    select * from {{ ref('claim_turn_shifts') }}
),

shifts as (
    select * from {{ ref('roster_shifts') }}
),

severity_levels as (
    select * from {{ ref('claim_severity_levels') }}
),

trials as (
    select * from {{ ref('claim_turn_trials') }}
),

churn as (
    select * from {{ ref('claim_turn_churn') }}
),

agents as (
    select * from {{ ref('claim_turn_agents') }}
),

-- Who answers for a brand's account is not known, so its words are nobody's warmth.
warmth as (
    select customer_warmth.*
    from {{ ref('agent_customer_warmth') }} as customer_warmth
    inner join {{ ref('agent_warmth') }} as agent_warmth on customer_warmth.agent_id = agent_warmth.agent_id
    where not agent_warmth.is_brand_account
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

answered as (
    select
        doses.*,
        turns.asked_at,
        turns.human_replier_id as agent_id,
        case
            when turns.any_replied_at < turns.human_replied_at then 'bot_then_human'
            when turns.human_replied_at is not null then 'human'
            when turns.any_replied_at is not null then 'bot'
        end as first_answerer,
        {{ responsiveness_of(
            'case when turns.any_wait_calendar_seconds <= plan.tau_hours * 3600 '
            ~ 'then turns.any_wait_calendar_seconds else plan.tau_hours * 3600 end',
            'plan.floor_minutes * 60',
        ) }} as any_responsiveness
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    cross join plan
),

final as (
    select
        answered.turn_id,
        answered.source_id,
        answered.ticket_id,
        answered.customer_id,
        answered.brand_id,
        answered.week_start,
        answered.asked_at,
        shifts.shift_id,
        shifts.queue,
        shifts.slot,
        answered.agent_id,
        answered.responsiveness,
        shifts.shortfall,
        shifts.log_arrivals,
        shifts.load,
        shifts.is_incident,
        shifts.next_shortfall,
        shifts.other_shortfall,
        severity_levels.severity_level,
        severity_levels.severity_rank,
        answered.first_answerer,
        answered.any_responsiveness,
        warmth.leave_one_out_mean_warmth as replier_warmth,
        agents.agent_leave_one_out,
        trials.experiment_id,
        trials.is_treated,
        churn.is_churned::integer as churned
    from answered
    left join tickets
        on answered.source_id = tickets.source_id and answered.ticket_id = tickets.ticket_id
    left join severity_levels
        on coalesce(tickets.severity_tag, tickets.priority) = severity_levels.severity_level
    left join turn_shifts on answered.turn_id = turn_shifts.turn_id
    left join shifts
        on
            turn_shifts.queue = shifts.queue
            and turn_shifts.week_start = shifts.week_start
            and turn_shifts.slot = shifts.slot
    left join trials on answered.turn_id = trials.turn_id
    left join agents on answered.turn_id = agents.turn_id
    left join churn on answered.turn_id = churn.turn_id
    left join warmth
        on answered.agent_id = warmth.agent_id and answered.customer_id = warmth.customer_id
)

select * from final
