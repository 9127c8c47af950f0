{{ config(schema='intermediate') }}
-- Not published: the slot of the roster that each turn was asked in. Posts wait for the queue named social.
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

turns as (
    select * from {{ ref('fct_response_turns') }}
),

ticket_queues as (
    select * from {{ ref('int_roster__ticket_queues') }}
),

queues as (
    select * from {{ ref('int_roster__queues') }}
),

asked as (
    select
        doses.turn_id,
        queues.queue,
        {{ slot_start('timezone(queues.time_zone, turns.asked_at)') }} as slot_start_local
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    left join ticket_queues
        on doses.source_id = ticket_queues.source_id and doses.ticket_id = ticket_queues.ticket_id
    inner join queues on case when doses.ticket_id is null then 'social' else ticket_queues.queue end = queues.queue
),

final as (
    select
        turn_id,
        queue,
        date_trunc('week', slot_start_local)::date as week_start,
        {{ slot_number('slot_start_local') }} as slot
    from asked
)

select * from final
