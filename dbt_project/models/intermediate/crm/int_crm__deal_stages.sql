-- Half-open intervals [starts_at, ends_at) of a deal's stage, as seen at the end of observation.
with deals as (
    select * from {{ ref('int_crm__deals') }}
    where not is_after_observation
),

changes as (
    select
        source_id,
        deal_id,
        change_id,
        changed_at,
        from_stage,
        to_stage
    from {{ ref('input_crm__deal_stage_changes') }}
    where deleted_at is null
),

first_changes as (
    select *
    from changes
    qualify row_number() over (partition by source_id, deal_id order by changed_at, change_id) = 1
),

-- A deal that never moved was always in its stage. A first move from nowhere means that it had none before.
starts as (
    select
        deals.source_id,
        deals.deal_id,
        deals.created_at as starts_at,
        null as changed_at,
        '' as change_id,
        deals.stage
    from deals
    left join first_changes
        on deals.source_id = first_changes.source_id and deals.deal_id = first_changes.deal_id
    where first_changes.deal_id is null
    union all
    select
        deals.source_id,
        deals.deal_id,
        deals.created_at as starts_at,
        null as changed_at,
        '' as change_id,
        first_changes.from_stage
    from deals
    inner join first_changes
        on deals.source_id = first_changes.source_id and deals.deal_id = first_changes.deal_id
    union all
    select
        changes.source_id,
        changes.deal_id,
        case when changes.changed_at < deals.created_at then deals.created_at else changes.changed_at end as starts_at,
        changes.changed_at,
        changes.change_id,
        changes.to_stage
    from changes
    inner join deals
        on changes.source_id = deals.source_id and changes.deal_id = deals.deal_id
    where changes.changed_at <= deals.observed_end_at
),

-- A move to the stage that the deal is in already is no move.
moves as (
    select
        *,
        lag(stage) over (partition by source_id, deal_id order by changed_at nulls first, change_id) as previous_stage
    from starts
    where stage <> ''
    qualify stage is distinct from previous_stage
),

stays as (
    select
        *,
        lead(starts_at) over (partition by source_id, deal_id order by changed_at nulls first, change_id) as ends_at,
        row_number() over (partition by source_id, deal_id order by changed_at nulls first, change_id) as stay_number
    from moves
),

final as (
    select
        stays.source_id,
        stays.deal_id,
        stays.stay_number,
        stays.stage,
        stays.previous_stage,
        stays.starts_at,
        stays.ends_at,
        {{ seconds_between('stays.starts_at', 'coalesce(stays.ends_at, deals.observed_end_at)') }}
            as duration_calendar_seconds,
        stays.ends_at is null as is_current
    from stays
    inner join deals
        on stays.source_id = deals.source_id and stays.deal_id = deals.deal_id
)

select * from final
