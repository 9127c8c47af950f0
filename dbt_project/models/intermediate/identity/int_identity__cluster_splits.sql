-- Ties that lead from one person to another: not believed, so that the two sides are two persons.
with edges as (
    select * from {{ ref('int_identity__edges') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

cut as (
    select
        edges.rule,
        edges.evidence,
        edges.node,
        edges.anchor_node,
        near.root_node as near_root_node,
        case when edges.refused_because is null then components.component_node end as component_node,
        case
            when edges.refused_because is not null then edges.refused_because
            when components.is_too_large then 'cluster too large'
            else 'known to differ'
        end as reason
    from edges
    inner join clusters as near on edges.node = near.node
    inner join clusters as far on edges.anchor_node = far.node
    inner join components on edges.anchor_node = components.node
    where near.root_node <> far.root_node
),

component_sizes as (
    select
        components.component_node,
        count(*) as n_identities,
        count(distinct clusters.root_node) as n_persons
    from components
    inner join clusters on components.node = clusters.node
    group by components.component_node
),

-- Evidence that is refused by itself may lie in many components: its own ends are counted.
grouped as (
    select
        rule,
        evidence,
        anchor_node,
        component_node,
        reason,
        count(*) as n_ties_cut,
        count(distinct node) + 1 as n_ends,
        count(distinct near_root_node) + 1 as n_end_persons
    from cut
    group by all
),

named as (
    select
        *,
        rule || '|' || evidence as evidence_name,
        concat_ws('|', rule, evidence, reason, anchor_node, component_node) as split_name
    from grouped
),

final as (
    select
        {{ person_key('named.split_name', 'run') }} as split_id,
        named.rule,
        {{ person_key('named.evidence_name', 'run') }} as evidence_key,
        named.reason,
        named.n_ties_cut,
        coalesce(component_sizes.n_identities, named.n_ends) as n_identities_before,
        coalesce(component_sizes.n_persons, named.n_end_persons) as n_persons_after
    from named
    left join component_sizes on named.component_node = component_sizes.component_node
    cross join run
)

select * from final
