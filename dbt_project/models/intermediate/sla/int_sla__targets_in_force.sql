-- Targets of each case that tickets were in, each with the interval [starts_at, ends_at) that it held in. The policy
-- that a ticket names counts; where it names none, the most specific one for its brand and queue does, and no other
-- policy fills the gaps of that one.
{% set case_key = ['source_id', 'brand_id', 'queue', 'sla_policy_id', 'priority', 'metric'] %}
{% set target = ['policy_id', 'target_seconds', 'is_business_hours', 'schedule_id'] %}
with terms as (
    select * from {{ ref('int_sla__ticket_terms') }}
),

policies as (
    select * from {{ ref('int_sla__policies_in_force') }}
),

cases as (
    select distinct
        source_id,
        brand_id,
        queue,
        sla_policy_id,
        priority
    from terms
    where priority is not null
),

unnamed_cases as (
    select distinct
        source_id,
        brand_id,
        queue
    from cases
    where sla_policy_id is null
),

applicable as (
    select
        unnamed_cases.brand_id as case_brand_id,
        unnamed_cases.queue as case_queue,
        policies.*
    from unnamed_cases
    inner join policies
        on
            unnamed_cases.source_id = policies.source_id
            and (policies.brand_id is null or unnamed_cases.brand_id = policies.brand_id)
            and (policies.queue is null or unnamed_cases.queue = policies.queue)
    qualify rank() over (
        partition by unnamed_cases.source_id, unnamed_cases.brand_id, unnamed_cases.queue, policies.starts_at
        order by policies.queue is null, policies.brand_id is null, policies.policy_id
    ) = 1
),

found as (
    select
        cases.source_id,
        cases.brand_id,
        cases.queue,
        cases.sla_policy_id,
        cases.priority,
        policies.metric,
        policies.policy_id,
        policies.target_seconds,
        policies.is_business_hours,
        policies.schedule_id,
        policies.starts_at,
        policies.ends_at
    from cases
    inner join policies
        on
            cases.source_id = policies.source_id
            and cases.sla_policy_id = policies.policy_id
            and cases.priority = policies.priority
    union all
    select
        cases.source_id,
        cases.brand_id,
        cases.queue,
        cases.sla_policy_id,
        cases.priority,
        applicable.metric,
        applicable.policy_id,
        applicable.target_seconds,
        applicable.is_business_hours,
        applicable.schedule_id,
        applicable.starts_at,
        applicable.ends_at
    from cases
    inner join applicable
        on
            cases.source_id = applicable.source_id
            and cases.brand_id = applicable.case_brand_id
            and cases.queue is not distinct from applicable.case_queue
            and cases.priority = applicable.priority
    where cases.sla_policy_id is null
),

-- Few intervals instead of many slices, because every ticket in the case is joined to them.
marked as (
    select
        *,
        coalesce(
            starts_at = lag(ends_at) over in_order
            {% for column in target %}
                and {{ column }} is not distinct from lag({{ column }}) over in_order
            {% endfor %},
            false
        ) as continues
    from found
    window in_order as (
        partition by {{ case_key | join(', ') }}
        order by starts_at
    )
),

numbered as (
    select
        *,
        count(*) filter (where not continues) over (
            partition by {{ case_key | join(', ') }}
            order by starts_at
            rows unbounded preceding
        ) as interval_number
    from marked
),

final as (
    select
        {{ (case_key + target) | join(', ') }},
        min(starts_at) as starts_at,
        case when bool_and(ends_at is not null) then max(ends_at) end as ends_at
    from numbered
    group by {{ (case_key + target) | join(', ') }}, interval_number
)

select * from final
