-- Statuses entered and left by the brand's local day; the running balance is who still waits at the day's end.
{% set open_statuses = ['new', 'open', 'pending', 'hold'] %}
with intervals as (
    select * from {{ ref('int_support__status_intervals') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
    where coalesce(exclusion_reason not in ('deleted', 'spam', 'test', 'merged'), true)
),

sources as (
    select * from {{ ref('int_support__sources') }}
    where has_changes
),

brands as (
    select * from {{ ref('dim_brand') }}
),

counted as (
    select
        intervals.*,
        tickets.brand_id,
        timezone(tickets.time_zone, intervals.starts_at)::date as starts_on,
        timezone(tickets.time_zone, intervals.ends_at)::date as ends_on
    from intervals
    inner join tickets
        on intervals.source_id = tickets.source_id and intervals.ticket_id = tickets.ticket_id
    inner join openings
        on intervals.source_id = openings.source_id and intervals.ticket_id = openings.ticket_id
    semi join sources on intervals.source_id = sources.source_id
    where intervals.starts_at <= tickets.observed_end_at
),

changes as (
    select
        brand_id,
        starts_on as local_date,
        status,
        1 as n_entered,
        is_initial,
        is_reopen
    from counted
    union all
    select
        brand_id,
        ends_on as local_date,
        status,
        -1 as n_entered,
        false as is_initial,
        false as is_reopen
    from counted
    where ends_on is not null
),

by_day as (
    select
        brand_id,
        local_date,
        {% for status in open_statuses %}
            coalesce(sum(n_entered) filter (where status = '{{ status }}'), 0) as net_{{ status }},
        {% endfor %}
        count(*) filter (where is_initial and n_entered = 1) as n_created,
        count(*) filter (where status = 'solved' and not is_initial and n_entered = 1) as n_solved,
        count(*) filter (where is_reopen) as n_reopened
    from changes
    group by brand_id, local_date
),

first_days as (
    select
        by_day.brand_id,
        any_value(brands.time_zone) as time_zone,
        any_value(brands.observed_end_at) as observed_end_at,
        min(by_day.local_date) as first_date
    from by_day
    inner join brands on by_day.brand_id = brands.brand_id
    group by by_day.brand_id
),

-- Only days that were watched to their end.
days as (
    select
        brand_id,
        unnest(generate_series(first_date, timezone(time_zone, observed_end_at)::date - 1, interval 1 day))::date
            as local_date
    from first_days
),

final as (
    select
        days.brand_id,
        days.local_date,
        {% for status in open_statuses %}
            sum(coalesce(by_day.net_{{ status }}, 0)) over running::bigint as n_{{ status }}_at_day_end,
        {% endfor %}
        sum(
            {% for status in open_statuses %}
                coalesce(by_day.net_{{ status }}, 0){% if not loop.last %} +{% endif %}
            {% endfor %}
        ) over running::bigint as n_unsolved_at_day_end,
        coalesce(by_day.n_created, 0) as n_created,
        coalesce(by_day.n_solved, 0) as n_solved,
        coalesce(by_day.n_reopened, 0) as n_reopened
    from days
    left join by_day
        on days.brand_id = by_day.brand_id and days.local_date = by_day.local_date
    window running as (partition by days.brand_id order by days.local_date)
)

select * from final
