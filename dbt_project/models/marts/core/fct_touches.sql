with activities as (
    select * from {{ ref('input_crm__activities') }}
    where deleted_at is null
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

default_brand as (
    select * from {{ ref('int_brands') }}
    where is_default
),

run as (
    select * from {{ source('run', 'context') }}
),

final as (
    select
        activities.source_id,
        activities.activity_id,
        contacts.customer_id,
        coalesce(activities.account_id, contacts.account_id) as account_id,
        default_brand.brand_id,
        activities.occurred_at,
        lower(trim(activities.kind)) as kind,
        case
            when activities.is_automated then 'bot'
            when not activities.is_automated then 'human_agent'
            else 'unknown'
        end as actor_kind,
        activities.is_automated,
        {{ person_key(identity_node('crm_owners', 'activities.source_id', 'activities.actor_id'), 'run') }}
            as actor_id,
        activities.occurred_at > default_brand.observed_end_at as is_after_observation
    from activities
    left join contacts
        on activities.source_id = contacts.source_id and activities.contact_id = contacts.contact_id
    cross join default_brand
    cross join run
)

select * from final
