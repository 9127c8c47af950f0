-- Queues with the brand whose local weeks they are staffed by. Rosters often come from another system than tickets,
-- so a queue is known by its name alone. None without a roster.
with shifts as (
    select * from {{ ref('input_support__shifts') }}
    where deleted_at is null
),

ticket_queues as (
    select * from {{ ref('int_roster__ticket_queues') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

ticket_brands as (
    select
        queue,
        brand_id,
        count(*) as n_tickets
    from ticket_queues
    where brand_id is not null
    group by all
),

queue_brands as (
    select
        queue,
        brand_id
    from ticket_brands
    qualify row_number() over (partition by queue order by n_tickets desc, brand_id asc) = 1
),

-- When anything of the queue was first seen.
sightings as (
    select
        queue,
        planned_start_at as seen_at
    from shifts
    union all
    select
        queue,
        planned_end_at - interval 1 microsecond as seen_at
    from shifts
    union all
    select
        queue,
        created_at as seen_at
    from ticket_queues
),

seen_queues as (
    select
        queue,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at
    from sightings
    where (select count(*) from shifts) > 0
    group by queue
),

final as (
    select
        seen_queues.queue,
        brands.brand_id,
        brands.time_zone,
        seen_queues.first_seen_at,
        least(seen_queues.last_seen_at, brands.observed_end_at) as last_seen_at,
        brands.observed_end_at
    from seen_queues
    left join queue_brands on seen_queues.queue = queue_brands.queue
    inner join brands on coalesce(queue_brands.brand_id, {{ default_brand('brands') }}) = brands.brand_id
)

select * from final
