with companies as (
    {{ newest_record(source('hubspot', 'hubspot__companies'), ['id'], 'updated_at') }}
),

archived as (
    {{ newest_record(source('hubspot', 'hubspot__archived_companies'), ['id']) }}
)

select
    companies.source_id,
    companies.id as account_id,
    companies.name,
    companies.domain,
    companies.industry,
    try_cast(companies.numberofemployees as bigint) as employees,
    companies.created_at,
    companies.hubspot_owner_id as owner_id,
    companies.updated_at,
    archived.archived_at as deleted_at
from companies
left join archived
    on companies.source_id = archived.source_id and companies.id = archived.id and archived._deleted_at is null
