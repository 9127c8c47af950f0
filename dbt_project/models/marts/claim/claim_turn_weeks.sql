{{ config(schema='intermediate') }}
-- Not published: what the panel sums over the turns of a customer's week.
{% set severity_levels = 5 %}
with turns as (
    select * from {{ ref('episode_turns') }}
),

-- Centred over the turns whose replier's warmth is known; the others are taken as average.
mean_warmth as (
    select {{ exact_sum('replier_warmth') }} / count(replier_warmth) as value
    from turns
),

centred as (
    select
        turns.*,
        coalesce(turns.replier_warmth - mean_warmth.value, 0) as warmth
    from turns
    cross join mean_warmth
),

sums as (
    select
        customer_id,
        brand_id,
        week_start,
        count(*) as n_turns,
        sum(responsiveness)::double as total_responsiveness,
        sum(any_responsiveness)::double as total_any_responsiveness,
        -- Of a week with a turn outside the roster nobody can tell the sum.
        {% for column in ['shortfall', 'log_arrivals', 'load', 'next_shortfall', 'other_shortfall'] %}
            case when count({{ column }}) = count(*) then {{ exact_sum(column) }} end as total_{{ column }},
        {% endfor %}
        coalesce(bool_or(is_incident), false)::integer as is_incident,
        {% for level in range(1, severity_levels + 1) %}
            count(*) filter (where severity_rank = {{ level }}) as n_severity_{{ level }},
        {% endfor %}
        {{ exact_sum('warmth') }} as total_warmth,
        coalesce({{ exact_sum('agent_leave_one_out') }}, 0) as total_agent_leave_one_out,
        count(agent_leave_one_out) as n_leave_one_out_turns,
        arg_min(agent_id, (asked_at, turn_id)) filter (where agent_leave_one_out is not null) as leave_one_out_agent_id,
        count(experiment_id) as n_trial_turns,
        count(*) filter (where is_treated) as n_trial_treated,
        count(*) filter (where first_answerer = 'human') as n_human_first,
        count(*) filter (where first_answerer = 'bot') as n_bot_first,
        count(*) filter (where first_answerer = 'bot_then_human') as n_handed_off
    from centred
    group by customer_id, brand_id, week_start
),

first_turns as (
    select
        customer_id,
        brand_id,
        week_start,
        shift_id,
        queue,
        slot
    from turns
    qualify row_number() over (partition by customer_id, brand_id, week_start order by asked_at, turn_id) = 1
),

final as (
    select
        sums.*,
        first_turns.shift_id,
        first_turns.queue,
        first_turns.slot
    from sums
    inner join first_turns
        on
            sums.customer_id = first_turns.customer_id
            and sums.brand_id = first_turns.brand_id
            and sums.week_start = first_turns.week_start
)

select * from final
