-- Known matches and overrides with both ends found. A link names no source: an end is looked for in the
-- link's own source, else it is the only one of its id; an id that several other sources have is nobody's.
with links as (
    select * from {{ ref('input_shared__identity_links') }}
    where deleted_at is null
),

users as (
    select * from {{ ref('int_support__users') }}
),

accounts as (
    select * from {{ ref('input_crm__accounts') }}
    where deleted_at is null
),

known as (
    select
        node,
        system,
        source_id,
        id
    from {{ ref('int_identity__nodes') }}
    union all
    select
        {{ identity_node('crm_accounts', 'source_id', 'account_id') }} as node,
        'crm_accounts' as system,
        source_id,
        account_id as id
    from accounts
    union all
    select distinct
        {{ identity_node('support_organizations', 'source_id', 'organization_id') }} as node,
        'support_organizations' as system,
        source_id,
        organization_id as id
    from users
    where organization_id is not null
),

named as (
    select
        source_id,
        left_system as system,
        left_id as id
    from links
    union
    select
        source_id,
        right_system as system,
        right_id as id
    from links
),

ends as (
    select
        named.source_id,
        named.system,
        named.id,
        known.node
    from named
    inner join known on named.system = known.system and named.id = known.id
    qualify
        named.source_id = known.source_id
        or count(*) over (partition by named.source_id, named.system, named.id) = 1
),

pairs as (
    select
        links.updated_at,
        coalesce(links.is_match, true) as is_match,
        case when left_ends.node < right_ends.node then left_ends.node else right_ends.node end as left_node,
        case when left_ends.node < right_ends.node then right_ends.node else left_ends.node end as right_node
    from links
    inner join ends as left_ends
        on
            links.source_id = left_ends.source_id
            and links.left_system = left_ends.system
            and links.left_id = left_ends.id
    inner join ends as right_ends
        on
            links.source_id = right_ends.source_id
            and links.right_system = right_ends.system
            and links.right_id = right_ends.id
    where left_ends.node <> right_ends.node
),

-- Whoever says that two differ is believed against those who say that they are one.
final as (
    select
        left_node,
        right_node,
        bool_and(is_match) as is_match,
        min(updated_at) as first_seen_at
    from pairs
    group by all
)

select * from final
