with run as (
    select * from {{ source('run', 'context') }}
),

declared as (
    select * from {{ ref('input_shared__brands') }}
    where deleted_at is null
    qualify row_number() over (partition by brand_id order by source_id) = 1
),

referenced as (
    select brand_id from {{ ref('input_support__tickets') }}
    union
    select brand_id from {{ ref('input_social__accounts') }}
    union
    select brand_id from {{ ref('input_crm__campaigns') }}
    union
    select brand_id from {{ ref('input_shared__outcome_events') }}
),

known as (
    select brand_id from declared
    union
    select brand_id from referenced
    where brand_id is not null
),

-- Rows without a brand belong to the one brand there is; with several, to nobody's.
named as (
    select
        brand_id,
        count(*) over () = 1 as is_default
    from known
    union all
    select
        case when (select count(*) from known) = 0 then 'default' else '(unknown)' end as brand_id,
        true as is_default
    where (select count(*) from known) <> 1
),

final as (
    select
        named.brand_id,
        coalesce(declared.name, named.brand_id) as name,
        coalesce(declared.time_zone, 'UTC') as time_zone,
        declared.observed_until,
        case
            when declared.observed_until < run.as_of then declared.observed_until
            else run.as_of
        end as observed_end_at,
        named.is_default,
        declared.brand_id is not null as is_declared
    from named
    left join declared on named.brand_id = declared.brand_id
    cross join run
)

select * from final
