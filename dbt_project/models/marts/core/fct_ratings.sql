with ratings as (
    select * from {{ ref('input_support__ratings') }}
    where deleted_at is null
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

openings as (
    select * from {{ ref('int_support__openings') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

placed as (
    select
        ratings.*,
        tickets.customer_id,
        coalesce(tickets.brand_id, brands.brand_id) as brand_id,
        coalesce(tickets.observed_end_at, brands.observed_end_at) as observed_end_at,
        openings.exclusion_reason
    from ratings
    left join tickets
        on ratings.source_id = tickets.source_id and ratings.ticket_id = tickets.ticket_id
    left join openings
        on ratings.source_id = openings.source_id and ratings.ticket_id = openings.ticket_id
    left join brands on tickets.ticket_id is null and brands.is_default
),

-- Rated where the source says when, or where nothing says that it was only asked for.
judged as (
    select
        *,
        score is not null
        and (rated_at is not null or offered_at is null)
        and coalesce(rated_at <= observed_end_at, true) as is_rated
    from placed
),

final as (
    select
        source_id,
        rating_id,
        ticket_id,
        brand_id,
        customer_id,
        offered_at,
        case when is_rated then rated_at end as rated_at,
        is_rated,
        scale_min,
        scale_max,
        case when is_rated then score end as score,
        case when is_rated and scale_max > scale_min then (score - scale_min) / (scale_max - scale_min) end
            as score_share_of_scale,
        exclusion_reason
    from judged
)

select * from final
