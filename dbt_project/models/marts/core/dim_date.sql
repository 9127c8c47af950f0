with tickets as (
    select * from {{ ref('int_support__tickets') }}
),

messages as (
    select * from {{ ref('int_conversations__messages') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

bounds as (
    select
        least(min(tickets.created_at), (select min(messages.sent_at) from messages))::date as first_date,
        (select max(run.as_of) from run)::date as last_date
    from tickets
),

days as (
    select unnest(generate_series(first_date, last_date, interval 1 day))::date as date_day
    from bounds
    where first_date is not null
),

final as (
    select
        date_day,
        date_trunc('week', date_day)::date as week_start,
        date_trunc('month', date_day)::date as month_start,
        date_trunc('quarter', date_day)::date as quarter_start,
        isodow(date_day)::integer as iso_weekday
    from days
)

select * from final
