-- The scorer runs before these models and picks its texts by itself: it must not have missed one.
with replies as (
    select * from {{ ref('int_conversations__reply_warmth') }}
    where status = 'no_text'
),

texts as (
    select
        source_id,
        message_id,
        null::varchar as post_id
    from {{ ref('input_support__messages') }}
    where body is not null
    union all
    select
        source_id,
        post_id as message_id,
        post_id
    from {{ ref('input_social__posts') }}
    where text is not null
),

final as (
    select
        replies.source_id,
        replies.message_id,
        replies.post_id
    from replies
    semi join texts
        on
            replies.source_id = texts.source_id
            and replies.message_id = texts.message_id
            and replies.post_id is not distinct from texts.post_id
)

select * from final
