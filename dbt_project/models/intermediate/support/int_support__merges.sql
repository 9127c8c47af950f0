-- Each merged ticket with the ticket that survives it: chains are followed to their end, and a circle
-- of merges, which has no end, is marked.
with merged as (
    select
        source_id,
        ticket_id,
        merged_into_ticket_id
    from {{ ref('input_support__tickets') }}
    where merged_into_ticket_id is not null
),

parents as (
    select
        source_id,
        ticket_id,
        merged_into_ticket_id as parent_id
    from merged
    union
    select
        merged.source_id,
        merged.merged_into_ticket_id as ticket_id,
        null as parent_id
    from merged
    anti join merged as further
        on merged.source_id = further.source_id and merged.merged_into_ticket_id = further.ticket_id
),

{{ pointer_roots('parents', id='ticket_id') }},

final as (
    select
        merged.source_id,
        merged.ticket_id,
        merged.merged_into_ticket_id,
        case when not roots.is_cycle then roots.root_id end as survivor_ticket_id,
        roots.is_cycle as is_merge_cycle
    from merged
    inner join roots
        on merged.source_id = roots.source_id and merged.ticket_id = roots.ticket_id
)

select * from final
