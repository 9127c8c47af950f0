-- Dated outcomes with the customer and company they belong to: events as given, and those of the CRM's tables.
-- An event of staff or of a machine is nobody's outcome.
with events as (
    select * from {{ ref('input_shared__outcome_events') }}
    where deleted_at is null
),

users as (
    select * from {{ ref('int_support__users') }}
),

role_intervals as (
    select * from {{ ref('int_support__role_intervals') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

crm_outcomes as (
    select * from {{ ref('int_crm__outcomes') }}
),

attributed as (
    select
        events.*,
        brands.brand_id as resolved_brand_id,
        brands.observed_end_at,
        {{ actor_kind('coalesce(role_intervals.role, users.role)', 'users.is_bot') }} as actor_kind,
        users.node as user_node
    from events
    left join brands
        on coalesce(events.brand_id, {{ default_brand('brands') }}) = brands.brand_id
    left join users
        on events.source_id = users.source_id and events.user_id = users.user_id
    left join role_intervals
        on
            events.source_id = role_intervals.source_id
            and events.user_id = role_intervals.user_id
            and (role_intervals.starts_at is null or events.occurred_at >= role_intervals.starts_at)
            and (role_intervals.ends_at is null or events.occurred_at < role_intervals.ends_at)
),

given as (
    select
        attributed.source_id,
        attributed.event_id,
        'outcome_events' as source_table,
        attributed.resolved_brand_id as brand_id,
        attributed.occurred_at,
        attributed.kind,
        attributed.value,
        attributed.unit,
        attributed.ticket_id,
        attributed.post_id,
        case
            when attributed.user_id is null then contacts.customer_id
            when attributed.actor_kind = 'customer' then clusters.customer_id
        end as customer_id,
        case
            when attributed.actor_kind not in ('human_agent', 'bot', 'system')
                then coalesce(attributed.account_id, contacts.account_id)
        end as account_id,
        attributed.occurred_at > attributed.observed_end_at as is_after_observation
    from attributed
    left join clusters on attributed.user_node = clusters.node
    left join contacts
        on attributed.source_id = contacts.source_id and attributed.contact_id = contacts.contact_id
),

final as (
    select * from given
    union all
    select
        crm_outcomes.source_id,
        crm_outcomes.event_id,
        crm_outcomes.source_table,
        crm_outcomes.brand_id,
        crm_outcomes.occurred_at,
        crm_outcomes.kind,
        crm_outcomes.value_base::double,
        crm_outcomes.unit,
        null as ticket_id,
        null as post_id,
        crm_outcomes.customer_id,
        crm_outcomes.account_id,
        crm_outcomes.occurred_at > brands.observed_end_at as is_after_observation
    from crm_outcomes
    left join brands on crm_outcomes.brand_id = brands.brand_id
)

select * from final
