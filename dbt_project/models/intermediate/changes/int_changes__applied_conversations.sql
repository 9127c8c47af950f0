-- What this build has computed; it becomes the state to compare with once the whole build has passed.
with final as (
    select
        conversation_id,
        fingerprint,
        is_beyond_observation
    from {{ ref('int_changes__conversations') }}
)

select * from final
