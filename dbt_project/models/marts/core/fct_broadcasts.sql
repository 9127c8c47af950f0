-- What the brand says to many at once: posts that answer nobody, and campaign messages as they are delivered.
with posts as (
    select * from {{ ref('int_social__broadcasts') }}
),

sends as (
    select * from {{ ref('int_exposure__campaign_sends') }}
    where not is_holdout
),

brands as (
    select * from {{ ref('int_brands') }}
),

broadcasts as (
    select
        source_id,
        source_id || ':' || post_id as broadcast_id,
        brand_id,
        created_at as sent_at,
        'post' as kind,
        post_id,
        null as campaign_id,
        null as customer_id,
        is_scheduled
    from posts
    union all
    select
        source_id,
        source_id || ':campaign_send:' || send_id as broadcast_id,
        brand_id,
        delivered_at as sent_at,
        'campaign' as kind,
        null as post_id,
        campaign_id,
        customer_id,
        null as is_scheduled
    from sends
),

final as (
    select
        broadcasts.source_id,
        broadcasts.broadcast_id,
        broadcasts.brand_id,
        broadcasts.sent_at,
        broadcasts.kind,
        broadcasts.post_id,
        broadcasts.campaign_id,
        broadcasts.customer_id,
        broadcasts.is_scheduled,
        case broadcasts.is_scheduled
            when true then 'scheduled'
            when false then 'organic'
            else 'unknown'
        end as origin,
        broadcasts.sent_at > brands.observed_end_at as is_after_observation
    from broadcasts
    left join brands on broadcasts.brand_id = brands.brand_id
)

select * from final
