with intervals as (
    select * from {{ ref('int_support__field_intervals') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

-- Agents appear by their keyed hash, here as everywhere.
final as (
    select
        intervals.source_id,
        intervals.ticket_id,
        intervals.field,
        intervals.interval_number,
        case when intervals.field = 'assignee_id' then holders.person_id else intervals.field_value end as value,
        case when intervals.field = 'assignee_id' then earlier_holders.person_id else intervals.previous_value end
            as previous_value,
        intervals.starts_at,
        intervals.ends_at
    from intervals
    left join users as holders
        on intervals.source_id = holders.source_id and intervals.field_value = holders.user_id
    left join users as earlier_holders
        on intervals.source_id = earlier_holders.source_id and intervals.previous_value = earlier_holders.user_id
    -- A field that never had a value has no history.
    where intervals.field_value is not null or intervals.previous_value is not null
)

select * from final
