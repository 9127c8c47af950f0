with clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
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

rules as (
    select
        clusters.customer_id,
        string_agg(distinct edges.rule, ', ' order by edges.rule) as match_rule
    from edges
    inner join clusters on edges.node = clusters.node
    group by clusters.customer_id
),

members as (
    select
        clusters.customer_id,
        count(*) as n_identities,
        bool_or(clusters.is_customer) as is_customer,
        min(contacts.account_id) as account_id
    from clusters
    left join contacts
        on
            clusters.system = 'crm_contacts'
            and clusters.source_id = contacts.source_id
            and clusters.id = contacts.contact_id
    group by clusters.customer_id
),

final as (
    select
        members.customer_id,
        members.account_id,
        first_seen.first_seen_at,
        coalesce(rules.match_rule, 'single identity') as match_rule,
        members.n_identities
    from members
    left join first_seen on members.customer_id = first_seen.customer_id
    left join rules on members.customer_id = rules.customer_id
    where members.is_customer
)

select * from final
