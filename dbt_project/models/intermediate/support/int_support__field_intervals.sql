{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- History of each ticket as intervals [starts_at, ends_at) of one field's value, ends_at null while it lasts. The
-- first interval begins with the ticket, with the value that the first change replaced.
{% set tracked_fields = [
    'status', 'priority', 'assignee_id', 'group_id', 'queue', 'schedule_id', 'sla_policy_id',
] %}
with tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

all_changes as (
    select
        changes.source_id,
        changes.ticket_id,
        changes.change_id,
        changes.field,
        changes.changed_at as actual_changed_at,
        nullif(changes.old_value, '') as old_value,
        nullif(changes.new_value, '') as new_value,
        -- Numbered change ids tell the order within one instant; shorter numbers are smaller.
        length(changes.change_id) as change_id_length,
        tickets.created_at,
        case when changes.changed_at < tickets.created_at then tickets.created_at else changes.changed_at end
            as changed_at,
        changes.changed_at <= tickets.observed_end_at
        and (tickets.deleted_at is null or changes.changed_at <= tickets.deleted_at) as is_observed
    from {{ touched(ref('input_support__ticket_changes'), by='tickets') }} as changes
    inner join tickets
        on changes.source_id = tickets.source_id and changes.ticket_id = tickets.ticket_id
    where changes.deleted_at is null
),

present_values as (
    {% for field in tracked_fields %}
        select
            source_id,
            ticket_id,
            '{{ field }}' as field,
            nullif({{ field }}, '') as present_value
        from tickets
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

-- A change that lies after the end of observation still tells what was before it.
first_changes as (
    select *
    from all_changes
    qualify row_number() over (
        partition by source_id, ticket_id, field
        order by actual_changed_at, change_id_length, change_id
    ) = 1
),

initial_values as (
    select
        present_values.source_id,
        present_values.ticket_id,
        present_values.field,
        case when first_changes.ticket_id is null then present_values.present_value else first_changes.old_value end
            as field_value
    from present_values
    left join first_changes
        on
            present_values.source_id = first_changes.source_id
            and present_values.ticket_id = first_changes.ticket_id
            and present_values.field = first_changes.field
),

starts as (
    select
        initial_values.source_id,
        initial_values.ticket_id,
        initial_values.field,
        case
            when initial_values.field = 'status' then coalesce(lower(initial_values.field_value), 'new')
            else initial_values.field_value
        end as field_value,
        null as replaced_value,
        tickets.created_at as starts_at,
        null as actual_changed_at,
        0 as change_id_length,
        '' as change_id
    from initial_values
    inner join tickets
        on initial_values.source_id = tickets.source_id and initial_values.ticket_id = tickets.ticket_id
    union all
    select
        source_id,
        ticket_id,
        field,
        case when field = 'status' then lower(new_value) else new_value end as field_value,
        case when field = 'status' then lower(old_value) else old_value end as replaced_value,
        changed_at as starts_at,
        actual_changed_at,
        change_id_length,
        change_id
    from all_changes
    where
        is_observed
        and field in (
            {% for field in tracked_fields %}
                '{{ field }}'{% if not loop.last %},{% endif %}
            {% endfor %}
        )
),

bounded as (
    select
        *,
        lead(starts_at) over in_order as next_starts_at,
        lag(field_value) over in_order as value_before,
        row_number() over in_order as interval_number
    from starts
    window in_order as (
        partition by source_id, ticket_id, field
        order by starts_at, actual_changed_at nulls first, change_id_length, change_id
    )
),

final as (
    select
        bounded.source_id,
        bounded.ticket_id,
        bounded.field,
        bounded.interval_number,
        bounded.field_value,
        coalesce(bounded.replaced_value, bounded.value_before) as previous_value,
        bounded.starts_at,
        coalesce(
            bounded.next_starts_at,
            case when tickets.deleted_at <= tickets.observed_end_at then tickets.deleted_at end
        ) as ends_at
    from bounded
    inner join tickets
        on bounded.source_id = tickets.source_id and bounded.ticket_id = tickets.ticket_id
)

select * from final
