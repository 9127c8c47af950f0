with periods as (
    select * from {{ ref('int_sla__periods') }}
),

deadlines as (
    select * from {{ ref('int_sla__deadlines') }}
),

due as (
    select
        periods.*,
        deadlines.elapsed_seconds,
        case
            when deadlines.reached_at < periods.starts_at then periods.starts_at else deadlines.reached_at
        end as due_at,
        periods.is_in_force_at_end and periods.over_at is null as is_lasting,
        lead(periods.period_number) over (
            partition by periods.source_id, periods.ticket_id, periods.metric, periods.instance_number
            order by periods.period_number
        ) is null as is_final_period
    from periods
    inner join deadlines
        on
            periods.source_id = deadlines.source_id
            and periods.ticket_id = deadlines.ticket_id
            and periods.metric = deadlines.metric
            and periods.instance_number = deadlines.instance_number
            and periods.period_number = deadlines.period_number
),

-- A target is missed only by running past it: in time is up to the very instant, which a running clock leaves behind.
judged as (
    select
        *,
        case when due_at < stops_at or (is_running and due_at <= stops_at) then due_at end as breached_at,
        case when is_in_force_at_end then fulfilled_at end as fulfilled_in_period_at
    from due
),

final as (
    select
        source_id,
        ticket_id,
        metric,
        instance_number,
        period_number,
        brand_id,
        turn_id,
        policy_id,
        priority,
        target_seconds,
        is_business_hours,
        schedule_id,
        starts_at,
        case when not is_lasting then stops_at end as ends_at,
        due_at,
        breached_at,
        fulfilled_in_period_at as fulfilled_at,
        elapsed_seconds,
        is_final_period,
        case
            when not is_final_period then null
            when breached_at is not null then false
            when fulfilled_in_period_at is not null and (not is_business_hours or schedule_id is not null) then true
        end as is_within_target
    from judged
)

select * from final
