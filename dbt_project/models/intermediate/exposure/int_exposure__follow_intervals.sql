-- Half-open intervals [starts_at, ends_at) in which a customer, by the plan's unit, followed a brand account with
-- whichever account. Overlaps are merged, so that a post reaches a customer once.
with follows as (
    select * from {{ ref('input_social__follows') }}
    where deleted_at is null and coalesce(unfollowed_at > followed_at, true)
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

known as (
    select
        follows.source_id,
        follows.brand_account_id,
        units.customer_unit_id as customer_id,
        follows.followed_at as starts_at,
        coalesce(follows.unfollowed_at, 'infinity'::timestamptz) as ends_at
    from follows
    inner join clusters
        on clusters.node = {{ identity_node('social_accounts', 'follows.source_id', 'follows.account_id') }}
    inner join units on clusters.customer_id = units.customer_id
),

reached as (
    select
        *,
        max(ends_at) over (
            partition by source_id, brand_account_id, customer_id
            order by starts_at, ends_at
            rows between unbounded preceding and 1 preceding
        ) as reached_until
    from known
),

islands as (
    select
        *,
        count(*) filter (where reached_until is null or starts_at > reached_until) over (
            partition by source_id, brand_account_id, customer_id
            order by starts_at, ends_at
            rows between unbounded preceding and current row
        ) as island_number
    from reached
),

final as (
    select
        source_id,
        brand_account_id,
        customer_id,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at
    from islands
    group by source_id, brand_account_id, customer_id, island_number
)

select * from final
