-- What each helpdesk delivers: without its change log nobody knows how long a status lasted, without its messages
-- nobody knows who was answered.
with tickets as (
    select distinct source_id
    from {{ ref('input_support__tickets') }}
),

messages as (
    select distinct source_id
    from {{ ref('input_support__messages') }}
),

changes as (
    select distinct source_id
    from {{ ref('input_support__ticket_changes') }}
),

final as (
    select
        tickets.source_id,
        messages.source_id is not null as has_messages,
        changes.source_id is not null as has_changes
    from tickets
    left join messages on tickets.source_id = messages.source_id
    left join changes on tickets.source_id = changes.source_id
)

select * from final
