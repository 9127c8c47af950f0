with turns as (
    select * from {{ ref('fct_response_turns') }}
    where exclusion_reason is null and customer_id is not null
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

-- Unanswered counts as the cap once that much time was watched; before, nobody knows yet.
capped as (
    select
        turns.* exclude (customer_id),
        units.customer_unit_id as customer_id,
        {{ brand_week('turns.asked_at', 'brands.time_zone') }} as week_start,
        case
            when turns.human_wait_calendar_seconds <= plan.tau_hours * 3600 then turns.human_wait_calendar_seconds
            when epoch(turns.censored_at) - epoch(turns.asked_at) >= plan.tau_hours * 3600 then plan.tau_hours * 3600
        end as capped_wait_seconds,
        plan.floor_minutes * 60 as floor_seconds
    from turns
    inner join units on turns.customer_id = units.customer_id
    inner join brands on turns.brand_id = brands.brand_id
    cross join plan
    where coalesce(plan.inbound_filter, '') <> 'courtesy-1' or not coalesce(turns.is_courtesy, false)
),

final as (
    select
        turn_id,
        source_id,
        ticket_id,
        customer_id,
        brand_id,
        week_start,
        capped_wait_seconds,
        -- Decimal, so that sums do not depend on the order of rows.
        (-log2(
            case when capped_wait_seconds < floor_seconds then floor_seconds else capped_wait_seconds end / 3600
        ))::decimal(18, 9) as responsiveness
    from capped
)

select * from final
