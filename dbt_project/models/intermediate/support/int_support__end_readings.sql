-- Each ticket's business clock at the end of observation, which moves with every run.
with schedule_intervals as (
    select * from {{ ref('int_support__schedule_intervals') }}
),

open_intervals as (
    select * from {{ ref('int_calendar__open_intervals') }}
),

instants as (
    select
        source_id,
        ticket_id,
        observed_end_at as read_at
    from {{ ref('int_support__tickets') }}
),

{{ clock_readings() }}

select * from readings
