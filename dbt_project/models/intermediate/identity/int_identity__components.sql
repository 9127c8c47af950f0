-- What all believed ties connect: first by exact evidence alone, then by probable ties on top.
with recursive nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
    where refused_because is null
),

known_to_differ as (
    select * from {{ ref('int_identity__links') }}
    where not is_match
),

exact_ties as (
    select
        node as from_node,
        anchor_node as to_node
    from edges
    where rule <> 'probable'
    union
    select
        anchor_node as from_node,
        node as to_node
    from edges
    where rule <> 'probable'
),

{{ connected_components('exact_components', 'nodes', 'exact_ties') }},

exact_roots as (
    select distinct root_node as node
    from exact_components
),

probable_ties as (
    select
        from_exact.root_node as from_node,
        to_exact.root_node as to_node
    from edges
    inner join exact_components as from_exact on edges.node = from_exact.node
    inner join exact_components as to_exact on edges.anchor_node = to_exact.node
    where edges.rule = 'probable' and from_exact.root_node <> to_exact.root_node
    union
    select
        to_exact.root_node as from_node,
        from_exact.root_node as to_node
    from edges
    inner join exact_components as from_exact on edges.node = from_exact.node
    inner join exact_components as to_exact on edges.anchor_node = to_exact.node
    where edges.rule = 'probable' and from_exact.root_node <> to_exact.root_node
),

{{ connected_components('components', 'exact_roots', 'probable_ties') }},

placed as (
    select
        nodes.node,
        nodes.is_merged_away,
        exact_components.root_node as exact_node,
        components.root_node as component_node
    from nodes
    inner join exact_components on nodes.node = exact_components.node
    inner join components on exact_components.root_node = components.node
),

contradicted as (
    select distinct left_placed.component_node
    from known_to_differ
    inner join placed as left_placed on known_to_differ.left_node = left_placed.node
    inner join placed as right_placed
        on
            known_to_differ.right_node = right_placed.node
            and left_placed.component_node = right_placed.component_node
),

final as (
    select
        placed.node,
        placed.exact_node,
        placed.component_node,
        count(*) over component as n_members,
        count(*) filter (where not placed.is_merged_away) over component > {{ most_identities() }} as is_too_large,
        contradicted.component_node is not null as holds_contradiction
    from placed
    left join contradicted on placed.component_node = contradicted.component_node
    window component as (partition by placed.component_node)
)

select * from final
