-- Half-open intervals [starts_at, ends_at) of the role of each user whose role ever changed. The
-- source tells the new role only; before the first change the user stood on the other side.
with changes as (
    select
        source_id,
        user_id,
        changed_at,
        new_role,
        row_number() over (partition by source_id, user_id order by changed_at) as change_number,
        lead(changed_at) over (partition by source_id, user_id order by changed_at) as next_changed_at
    from {{ ref('input_support__user_role_changes') }}
    where deleted_at is null
),

final as (
    select
        source_id,
        user_id,
        new_role as role,
        changed_at as starts_at,
        next_changed_at as ends_at
    from changes
    union all
    select
        source_id,
        user_id,
        case when new_role in ('agent', 'admin') then 'customer' else 'agent' end as role,
        null as starts_at,
        changed_at as ends_at
    from changes
    where change_number = 1 and new_role in ('agent', 'admin', 'customer')
)

select * from final
