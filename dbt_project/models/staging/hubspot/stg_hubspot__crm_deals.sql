-- An open deal has the day on which it is hoped to close: only a closed one has closed.
with deals as (
    {{ newest_record(source('hubspot', 'hubspot__deals'), ['id'], 'updated_at') }}
),

companies as (
    {{ newest_record(source('hubspot', 'hubspot__deal_companies'), ['deal_id']) }}
),

contacts as (
    {{ newest_record(source('hubspot', 'hubspot__deal_contacts'), ['deal_id']) }}
),

archived as (
    {{ newest_record(source('hubspot', 'hubspot__archived_deals'), ['id']) }}
)

select
    deals.source_id,
    deals.id as deal_id,
    companies.party_id as account_id,
    contacts.party_id as contact_id,
    deals.created_at,
    try_cast(deals.amount as decimal(18, 4)) as amount,
    deals.deal_currency_code as currency,
    deals.dealstage as stage,
    case when deals.hs_is_closed = 'true' then try_cast(deals.closedate as timestamptz) end as closed_at,
    case when deals.hs_is_closed = 'true' then coalesce(deals.hs_is_closed_won = 'true', false) end as is_won,
    deals.updated_at,
    archived.archived_at as deleted_at
from deals
left join companies on deals.source_id = companies.source_id and deals.id = companies.deal_id
left join contacts on deals.source_id = contacts.source_id and deals.id = contacts.deal_id
left join archived on deals.source_id = archived.source_id and deals.id = archived.id and archived._deleted_at is null
