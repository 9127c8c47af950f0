-- The thread of each post. Posts whose answered post is not here are tied by the platform's name of the
-- thread, else by the missing post that they both answer: a thread is one, whether or not its top is held.
with posts as (
    select * from {{ ref('input_social__posts') }}
),

placed as (
    select
        posts.source_id,
        posts.post_id,
        posts.created_at,
        answered.post_id as answered_post_id,
        coalesce(posts.conversation_id, posts.in_reply_to_post_id, posts.post_id) as thread_name
    from posts
    left join posts as answered
        on posts.source_id = answered.source_id and posts.in_reply_to_post_id = answered.post_id
),

tops as (
    select
        source_id,
        post_id,
        first_value(post_id) over (
            partition by source_id, thread_name
            order by created_at, post_id
        ) as top_post_id
    from placed
    where answered_post_id is null
),

parents as (
    select
        placed.source_id,
        placed.post_id,
        case
            when placed.answered_post_id is not null then placed.answered_post_id
            when tops.top_post_id <> placed.post_id then tops.top_post_id
        end as parent_id
    from placed
    left join tops
        on placed.source_id = tops.source_id and placed.post_id = tops.post_id
),

{{ pointer_roots('parents', id='post_id') }},

final as (
    select
        source_id,
        post_id,
        root_id
    from roots
)

select * from final
