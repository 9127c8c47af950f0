-- Brand posts that answer nobody. A thread of the brand's own posts counts once, at its first post.
with posts as (
    select * from {{ ref('int_social__posts') }}
),

final as (
    select
        source_id,
        post_id,
        author_brand_id as brand_id,
        created_at,
        is_scheduled
    from posts
    where
        is_brand_author
        and not is_deleted
        and not is_reply
)

select * from final
