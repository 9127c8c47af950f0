with bounds as (
    select
        least(min(created_at), (select min(sent_at) from {{ ref('int_conversations__messages') }}))::date as first_date,
        (select max(as_of)::date from {{ source('run', 'context') }}) as last_date
    from {{ ref('int_support__tickets') }}
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
