{{ config(schema='intermediate') }}
-- Not published: what the tables of this folder count, with the local dates they count it by.
with turns as (
    select * from {{ ref('fct_response_turns') }}
    where exclusion_reason is null
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

targets as (
    select * from {{ ref('fct_sla_targets') }}
    where metric in ('first_reply', 'next_reply') and is_final_period and turn_id is not null
),

-- Several targets on one turn are met if all are, missed if one is, else not known yet.
outcomes as (
    select
        turn_id,
        case
            when count(*) filter (where not is_within_target) > 0 then false
            when count(is_within_target) = count(*) then true
        end as is_within_target
    from targets
    group by turn_id
),

final as (
    select
        turns.turn_id,
        turns.brand_id,
        turns.customer_id,
        turns.human_replier_id as agent_id,
        coalesce(turns.channel, tickets.channel, '(unknown)') as channel,
        turns.turn_number,
        turns.asked_at,
        timezone(brands.time_zone, turns.asked_at)::date as asked_on,
        timezone(brands.time_zone, turns.human_replied_at)::date as human_replied_on,
        not turns.is_censored as is_answered,
        turns.human_elapsed_calendar_seconds,
        turns.human_elapsed_business_seconds,
        turns.any_wait_calendar_seconds,
        outcomes.turn_id is not null as has_target,
        outcomes.is_within_target
    from turns
    inner join brands on turns.brand_id = brands.brand_id
    left join tickets
        on turns.source_id = tickets.source_id and turns.ticket_id = tickets.ticket_id
    left join outcomes on turns.turn_id = outcomes.turn_id
)

select * from final
