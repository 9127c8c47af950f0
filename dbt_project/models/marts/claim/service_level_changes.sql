-- When each brand first tightened its target for the first reply. Versions of one policy are compared; a policy
-- without a brand holds for every brand.
with policies as (
    select * from {{ ref('int_sla__policies_in_force') }}
    where metric = 'first_reply'
),

brands as (
    select * from {{ ref('int_brands') }}
),

steps as (
    select
        *,
        lag(target_seconds) over (
            partition by source_id, policy_id, priority
            order by starts_at
        ) as previous_target_seconds
    from policies
),

tightened as (
    select
        brands.brand_id,
        brands.time_zone,
        steps.starts_at
    from steps
    inner join brands on steps.brand_id is null or steps.brand_id = brands.brand_id
    where steps.target_seconds < steps.previous_target_seconds
),

final as (
    select
        brand_id,
        starts_at as tightened_at,
        {{ brand_week('starts_at', 'time_zone') }} as week_start,
        count(*) as n_tightened_targets
    from tightened
    group by brand_id, time_zone, starts_at
    qualify row_number() over (partition by brand_id order by starts_at) = 1
)

select * from final
