{{ config(schema='intermediate') }}
-- Not published: the arm of the trial of reply times that a turn falls into. A turn asked while shifts of both arms
-- were on duty is in none.
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

final as (
    select
        coalesce(by_ticket.turn_id, by_shift.turn_id) as turn_id,
        coalesce(by_ticket.experiment_id, by_shift.experiment_id) as experiment_id,
        coalesce(by_ticket.is_treated, by_shift.is_treated) as is_treated
    from by_ticket
    full outer join by_shift on by_ticket.turn_id = by_shift.turn_id
    qualify
        row_number() over (
            partition by coalesce(by_ticket.turn_id, by_shift.turn_id)
            order by by_shift.experiment_id
        ) = 1
)

select * from final
