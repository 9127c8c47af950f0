-- The API shows only the present stage and since when: the moves are those that the landed versions of a deal show.
with versions as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__opportunities'), ['id', 'stage_changed_at']) }}
),

deals as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__opportunities'), ['id'], 'stage_changed_at') }}
),

stages as (
    select
        source_id,
        id as deal_id,
        stage_changed_at as changed_at,
        stage as to_stage,
        lag(stage) over (partition by source_id, id order by stage_changed_at) as from_stage
    from versions
    where stage_changed_at is not null
)

select
    stages.source_id,
    stages.deal_id || '@' || epoch_us(stages.changed_at) as change_id,
    stages.deal_id,
    stages.changed_at,
    -- Back in the stage in which it was seen last: where it was between is not known.
    nullif(stages.from_stage, stages.to_stage) as from_stage,
    stages.to_stage,
    deals._deleted_at as deleted_at
from stages
inner join deals on stages.source_id = deals.source_id and stages.deal_id = deals.id
