{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- Readings of each ticket's business clock at every instant of its own that a measure starts or ends with.
with schedule_intervals as (
    select * from {{ touched(ref('int_support__schedule_intervals'), by='tickets') }}
),

open_intervals as (
    select * from {{ ref('int_calendar__open_intervals') }}
),

field_intervals as (
    select * from {{ touched(ref('int_support__field_intervals'), by='tickets') }}
),

openings as (
    select * from {{ touched(ref('int_support__openings'), by='tickets') }}
),

replies as (
    select * from {{ touched(ref('int_support__replies'), by='tickets') }}
),

turns as (
    select * from {{ touched(ref('int_conversations__turns'), by='tickets') }}
    where ticket_id is not null
),

instants as (
    select
        source_id,
        ticket_id,
        unnest([created_at, asked_at]) as read_at
    from openings
    union
    select
        source_id,
        ticket_id,
        unnest([first_human_reply_at, first_any_reply_at]) as read_at
    from replies
    union
    select
        source_id,
        ticket_id,
        unnest([starts_at, ends_at]) as read_at
    from field_intervals
    union
    select
        source_id,
        ticket_id,
        unnest([asked_at, human_replied_at, any_replied_at]) as read_at
    from turns
),

{{ clock_readings() }}

select * from readings
