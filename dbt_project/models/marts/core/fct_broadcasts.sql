with posts as (
    select * from {{ ref('int_social__broadcasts') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

final as (
    select
        posts.source_id,
        posts.source_id || ':' || posts.post_id as broadcast_id,
        posts.brand_id,
        posts.created_at as sent_at,
        'post' as kind,
        posts.is_scheduled,
        posts.created_at > brands.observed_end_at as is_after_observation
    from posts
    left join brands on posts.brand_id = brands.brand_id
)

select * from final
