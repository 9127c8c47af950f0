-- Dated outcomes with the customer they belong to. An event of staff or of a machine is nobody's outcome.
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

attributed as (
    select
        events.*,
        brands.brand_id as resolved_brand_id,
        {{ actor_kind('coalesce(role_intervals.role, users.role)', 'users.is_bot') }} as actor_kind,
        case
            when events.user_id is not null then users.node
            when events.contact_id is not null
                then {{ identity_node('crm_contacts', 'events.source_id', 'events.contact_id') }}
        end as node
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

final as (
    select
        attributed.source_id,
        attributed.event_id,
        attributed.resolved_brand_id as brand_id,
        attributed.occurred_at,
        attributed.kind,
        attributed.value,
        attributed.unit,
        attributed.ticket_id,
        attributed.post_id,
        case
            when attributed.user_id is null or attributed.actor_kind = 'customer' then clusters.customer_id
        end as customer_id
    from attributed
    left join clusters on attributed.node = clusters.node
)

select * from final
