-- Policies by slice of time: no version of any policy of the source begins or ends within a slice. A version without
-- an end gives way to the next, a newer one goes before an older, and deletion ends it.
with policies as (
    select * from {{ ref('input_support__sla_policies') }}
),

versions as (
    select
        source_id,
        policy_id,
        metric,
        priority,
        brand_id,
        queue,
        schedule_id,
        target_seconds,
        coalesce(in_business_hours, false) as is_business_hours,
        coalesce(valid_from, timestamptz '1990-01-01 00:00:00+00') as starts_at,
        -- The earlier of two ends, either of which may be absent.
        least(
            coalesce(
                valid_to,
                lead(valid_from) over (
                    partition by source_id, policy_id, metric, priority
                    order by valid_from nulls first
                )
            ),
            deleted_at
        ) as ends_at
    from policies
),

instants as (
    select
        source_id,
        starts_at
    from versions
    union
    select
        source_id,
        ends_at as starts_at
    from versions
    where ends_at is not null
),

slices as (
    select
        source_id,
        starts_at,
        lead(starts_at) over (partition by source_id order by starts_at) as ends_at
    from instants
),

final as (
    select
        versions.source_id,
        versions.policy_id,
        versions.metric,
        versions.priority,
        versions.brand_id,
        versions.queue,
        versions.schedule_id,
        versions.target_seconds,
        versions.is_business_hours,
        slices.starts_at,
        slices.ends_at
    from versions
    inner join slices
        on
            versions.source_id = slices.source_id
            and versions.starts_at <= slices.starts_at
            and (versions.ends_at is null or versions.ends_at > slices.starts_at)
    qualify row_number() over (
        partition by versions.source_id, versions.policy_id, versions.metric, versions.priority, slices.starts_at
        order by versions.starts_at desc
    ) = 1
)

select * from final
