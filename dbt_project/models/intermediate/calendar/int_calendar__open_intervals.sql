-- When each schedule is open: half-open intervals [opens_at, closes_at) in UTC that do not overlap, with the time
-- open before each, so that business time between two instants is a difference of two look-ups.
with hours as (
    select * from {{ ref('input_support__schedules') }}
    where deleted_at is null
),

holidays as (
    select * from {{ ref('input_support__holidays') }}
    where deleted_at is null
),

tickets as (
    select * from {{ ref('input_support__tickets') }}
),

messages as (
    select * from {{ ref('input_support__messages') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

-- A year beyond as_of leaves room for the instants at which targets will be missed.
span as (
    select
        least(
            (select min(tickets.created_at) from tickets),
            (select min(messages.sent_at) from messages),
            max(run.as_of)
        )::date - 2 as first_date,
        max(run.as_of)::date + 400 as last_date
    from run
),

starts as (
    select distinct
        source_id,
        schedule_id,
        weekday,
        valid_from
    from hours
),

version_starts as (
    select
        *,
        lead(valid_from) over (
            partition by source_id, schedule_id, weekday
            order by valid_from nulls first
        ) as next_valid_from
    from starts
),

-- Hours without an end give way to the weekday's next version; closing times up to the opening are the next day's.
versions as (
    select
        hours.source_id,
        hours.schedule_id,
        hours.time_zone,
        hours.weekday,
        hours.valid_from,
        coalesce(hours.valid_to, version_starts.next_valid_from) as valid_to,
        {{ local_time_of_day('hours.opens_at') }} as opens_after,
        {{ local_time_of_day('hours.closes_at') }}
        + case
            when {{ local_time_of_day('hours.closes_at') }} <= {{ local_time_of_day('hours.opens_at') }}
                then interval 24 hour
            else interval 0 hour
        end as closes_after
    from hours
    inner join version_starts
        on
            hours.source_id = version_starts.source_id
            and hours.schedule_id = version_starts.schedule_id
            and hours.weekday = version_starts.weekday
            and hours.valid_from is not distinct from version_starts.valid_from
),

days as (
    select unnest(generate_series(first_date, last_date, interval 1 day))::date as local_date
    from span
),

-- A holiday closes what would open on it, to the end of a night shift. Days far from a version's validity need no
-- arithmetic of zones.
opened_days as (
    select
        versions.*,
        days.local_date + versions.opens_after as opens_at_local,
        days.local_date + versions.closes_after as closes_at_local
    from versions
    inner join days
        on
            versions.weekday = isodow(days.local_date)
            and (versions.valid_from is null or days.local_date >= versions.valid_from::date - 4)
            and (versions.valid_to is null or days.local_date <= versions.valid_to::date + 4)
    anti join holidays
        on
            versions.source_id = holidays.source_id
            and versions.schedule_id = holidays.schedule_id
            and days.local_date = holidays.local_date
),

in_utc as (
    select
        source_id,
        schedule_id,
        valid_from,
        valid_to,
        {{ first_instant('opens_at_local', 'time_zone') }} as opens_at,
        {{ last_instant('closes_at_local', 'time_zone') }} as closes_at
    from opened_days
),

in_force as (
    select
        source_id,
        schedule_id,
        case when opens_at < valid_from then valid_from else opens_at end as opens_at,
        case when closes_at > valid_to then valid_to else closes_at end as closes_at
    from in_utc
),

marked as (
    select
        *,
        coalesce(
            opens_at > max(closes_at) over (
                partition by source_id, schedule_id
                order by opens_at, closes_at
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as starts_interval
    from in_force
    where opens_at < closes_at
),

numbered as (
    select
        *,
        count(*) filter (where starts_interval) over (
            partition by source_id, schedule_id
            order by opens_at, closes_at
            rows unbounded preceding
        ) as interval_number
    from marked
),

merged as (
    select
        source_id,
        schedule_id,
        min(opens_at) as opens_at,
        max(closes_at) as closes_at
    from numbered
    group by source_id, schedule_id, interval_number
),

final as (
    select
        source_id,
        schedule_id,
        opens_at,
        closes_at,
        coalesce(
            sum(epoch_us(closes_at) - epoch_us(opens_at)) over (
                partition by source_id, schedule_id
                order by opens_at
                rows between unbounded preceding and 1 preceding
            ),
            0
        )::bigint as open_microseconds_before
    from merged
)

select * from final
