with clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
    where refused_because is null
),

accounts as (
    select * from {{ ref('int_identity__customer_accounts') }}
),

messages as (
    select * from {{ ref('int_conversations__messages') }}
),

outcomes as (
    select * from {{ ref('int_outcomes__events') }}
),

seen as (
    select
        customer_id,
        min(created_at) as seen_at
    from clusters
    group by customer_id
    union all
    select
        customer_id,
        min(sent_at) as seen_at
    from messages
    group by customer_id
    union all
    select
        customer_id,
        min(occurred_at) as seen_at
    from outcomes
    group by customer_id
),

first_seen as (
    select
        customer_id,
        min(seen_at) as first_seen_at
    from seen
    group by customer_id
),

-- A tie that was cut ties nobody, and a probable one nobody whom exact evidence ties already.
ties as (
    select
        near.customer_id,
        string_agg(distinct edges.rule, ', ' order by edges.rule) as match_rule,
        min(edges.confidence) as match_confidence
    from edges
    inner join clusters as near on edges.node = near.node
    inner join clusters as far on edges.anchor_node = far.node and near.customer_id = far.customer_id
    where edges.rule <> 'probable' or near.exact_node <> far.exact_node
    group by near.customer_id
),

members as (
    select
        customer_id,
        count(*) as n_identities,
        count(distinct exact_node) > 1 as is_probable_match,
        bool_or(is_customer) as is_customer
    from clusters
    group by customer_id
),

final as (
    select
        members.customer_id,
        accounts.account_id,
        accounts.account_source_id,
        first_seen.first_seen_at,
        coalesce(ties.match_rule, 'single identity') as match_rule,
        coalesce(ties.match_confidence, 1) as match_confidence,
        members.is_probable_match,
        members.n_identities
    from members
    left join accounts on members.customer_id = accounts.customer_id
    left join first_seen on members.customer_id = first_seen.customer_id
    left join ties on members.customer_id = ties.customer_id
    where members.is_customer
)

select * from final
