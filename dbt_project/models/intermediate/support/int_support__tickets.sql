-- Tickets with their brand and the requester's role as of the opening.
with tickets as (
    select * from {{ ref('input_support__tickets') }}
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
        tickets.*,
        users.node as requester_node,
        brands.brand_id as resolved_brand_id,
        brands.time_zone,
        brands.observed_end_at,
        {{ actor_kind('coalesce(role_intervals.role, users.role)', 'users.is_bot') }} as requester_kind
    from tickets
    left join brands
        on coalesce(tickets.brand_id, {{ default_brand('brands') }}) = brands.brand_id
    left join users
        on tickets.source_id = users.source_id and tickets.requester_id = users.user_id
    left join role_intervals
        on
            tickets.source_id = role_intervals.source_id
            and tickets.requester_id = role_intervals.user_id
            and (role_intervals.starts_at is null or tickets.created_at >= role_intervals.starts_at)
            and (role_intervals.ends_at is null or tickets.created_at < role_intervals.ends_at)
),

final as (
    select
        attributed.source_id,
        attributed.ticket_id,
        attributed.created_at,
        attributed.requester_id,
        attributed.submitter_id,
        attributed.channel,
        attributed.subject,
        attributed.priority,
        attributed.severity_tag,
        attributed.queue,
        attributed.group_id,
        attributed.assignee_id,
        attributed.status,
        attributed.schedule_id,
        attributed.merged_into_ticket_id,
        attributed.social_post_id,
        attributed.is_proactive,
        attributed.is_spam,
        attributed.is_test,
        attributed.sla_policy_id,
        attributed.skill,
        attributed.tags,
        attributed.source_url,
        attributed.updated_at,
        attributed.deleted_at,
        attributed.time_zone,
        attributed.observed_end_at,
        attributed.requester_kind,
        attributed.resolved_brand_id as brand_id,
        case when attributed.requester_kind = 'customer' then clusters.customer_id end as customer_id
    from attributed
    left join clusters on attributed.requester_node = clusters.node
)

select * from final
