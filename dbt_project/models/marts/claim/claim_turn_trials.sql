{{ config(schema='intermediate') }}
-- Not published: the arm of the trial of reply times that a turn falls into: its ticket's, else its shift's, its
-- slot's, its customer's. A turn asked while shifts of both arms were on duty is in neither by them.
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

turns as (
    select * from {{ ref('fct_response_turns') }}
),

turn_shifts as (
    select * from {{ ref('claim_turn_shifts') }}
),

ticket_arms as (
    select * from {{ ref('int_experiments__ticket_arms') }}
),

shift_arms as (
    select * from {{ ref('int_experiments__shift_arms') }}
),

slot_arms as (
    select * from {{ ref('int_experiments__slot_arms') }}
),

customer_arms as (
    select * from {{ ref('int_experiments__customer_arms') }}
),

ticket_queues as (
    select * from {{ ref('int_roster__ticket_queues') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

by_ticket as (
    select
        doses.turn_id,
        ticket_arms.experiment_id,
        ticket_arms.is_treated
    from doses
    inner join ticket_arms
        on doses.source_id = ticket_arms.source_id and doses.ticket_id = ticket_arms.ticket_id
),

by_shift as (
    select
        turn_shifts.turn_id,
        shift_arms.experiment_id,
        bool_or(shift_arms.is_treated) as is_treated
    from turn_shifts
    inner join turns on turn_shifts.turn_id = turns.turn_id
    inner join shift_arms
        on
            turn_shifts.queue = shift_arms.queue
            and turns.asked_at >= shift_arms.planned_start_at
            and turns.asked_at < shift_arms.planned_end_at
    group by turn_shifts.turn_id, shift_arms.experiment_id
    having bool_or(shift_arms.is_treated) = bool_and(shift_arms.is_treated)
),

asked as (
    select
        doses.turn_id,
        doses.brand_id,
        case when doses.ticket_id is null then 'social' else ticket_queues.queue end as queue,
        {{ slot_start('timezone(brands.time_zone, turns.asked_at)') }} as slot_start_local
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    inner join brands on doses.brand_id = brands.brand_id
    left join ticket_queues
        on doses.source_id = ticket_queues.source_id and doses.ticket_id = ticket_queues.ticket_id
),

by_slot as (
    select
        asked.turn_id,
        slot_arms.experiment_id,
        slot_arms.is_treated
    from asked
    inner join slot_arms
        on
            asked.brand_id = slot_arms.brand_id
            and asked.queue = slot_arms.queue
            and date_trunc('week', asked.slot_start_local)::date = slot_arms.week_start
            and {{ slot_number('asked.slot_start_local') }} = slot_arms.slot
),

by_customer as (
    select
        doses.turn_id,
        customer_arms.experiment_id,
        customer_arms.is_treated
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    inner join customer_arms
        on doses.customer_id = customer_arms.customer_id and turns.asked_at >= customer_arms.assigned_at
),

found as (
    {% for arms in ['by_ticket', 'by_shift', 'by_slot', 'by_customer'] %}
        select
            turn_id,
            experiment_id,
            is_treated,
            {{ loop.index }} as preference
        from {{ arms }}
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        turn_id,
        experiment_id,
        is_treated
    from found
    qualify row_number() over (partition by turn_id order by preference, experiment_id) = 1
)

select * from final
