{{ config(schema='intermediate') }}
-- Not published: what the data offer. What they do not is null in the panel, never zero.
with plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

exposure as (
    select
        count(n_delivered_sends) > 0 as has_sends,
        count(n_reachable_posts) > 0 as has_follows
    from {{ ref('exposure_customer_week') }}
),

turns as (
    select
        count(replier_warmth) > 0 as has_warmth,
        count(agent_leave_one_out) > 0 as has_agents
    from {{ ref('episode_turns') }}
),

final as (
    select
        plan.claim_id,
        exposure.has_sends,
        exposure.has_follows,
        (select count(*) from {{ ref('int_roster__queues') }}) > 0 as has_roster,
        (select count(*) from {{ ref('claim_turn_trials') }}) > 0 as has_trials,
        (select count(*) from {{ ref('int_experiments__holdouts') }}) > 0 as has_holdouts,
        (select count(*) from {{ ref('claim_touch_weeks') }}) > 0 as has_touches,
        (select count(*) from {{ ref('claim_mention_weeks') }}) > 0 as has_mentions,
        turns.has_warmth,
        turns.has_agents,
        (select count(*) from {{ ref('claim_severity_levels') }}) as n_severity_levels
    from plan
    cross join exposure
    cross join turns
)

select * from final
