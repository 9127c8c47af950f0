with final as (
    select
        source_id,
        message_id,
        ticket_id,
        post_id,
        brand_id,
        author_id,
        customer_id,
        channel,
        actor_kind,
        is_public,
        sent_at,
        is_after_observation
    from {{ ref('int_conversations__messages') }}
    where not is_deleted
)

select * from final
