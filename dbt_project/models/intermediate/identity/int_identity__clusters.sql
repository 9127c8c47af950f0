-- Connected components: each identity takes the smallest identity that it can reach. Labels only
-- ever fall, so cycles end.
with recursive nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

ties as (
    select
        node as from_node,
        anchor_node as to_node
    from {{ ref('int_identity__edges') }}
    union
    select
        anchor_node as from_node,
        node as to_node
    from {{ ref('int_identity__edges') }}
),

components (node, root_node) using key (node) as (
    select
        node,
        node as root_node
    from nodes
    union
    select
        reached.node,
        min(components.root_node) as root_node
    from components
    inner join ties on components.node = ties.from_node
    inner join recurring.components as reached on ties.to_node = reached.node
    where components.root_node < reached.root_node
    group by reached.node
),

final as (
    select
        nodes.node,
        nodes.system,
        nodes.source_id,
        nodes.id,
        nodes.created_at,
        nodes.is_customer,
        components.root_node,
        {{ person_key('components.root_node', 'run') }} as customer_id
    from components
    inner join nodes on components.node = nodes.node
    cross join run
)

select * from final
