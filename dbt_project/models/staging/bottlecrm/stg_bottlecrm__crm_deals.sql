-- closed_on is the day on which a deal is hoped to close; it closed when it came into a won or lost stage.
with deals as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__opportunities'), ['id'], 'stage_changed_at') }}
)

select
    source_id,
    id as deal_id,
    account as account_id,
    contacts ->> '$[0]' as contact_id,
    created_at,
    try_cast(amount as decimal(18, 4)) as amount,
    currency,
    stage,
    case when stage_kind in ('won', 'lost') then stage_changed_at end as closed_at,
    case when stage_kind in ('won', 'lost') then stage_kind = 'won' end as is_won,
    _deleted_at as deleted_at
from deals
