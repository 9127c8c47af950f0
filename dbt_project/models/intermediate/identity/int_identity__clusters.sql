-- Each identity's person. A component that is too large, or holds two known to differ, is put together anew
-- from the strongest ties to the weakest: a tier's ties join groups unless what they would join together is too
-- large or holds two known to differ; then none of that tier's ties in it is believed. So the order of rows
-- decides nothing.
{% set tiers = identity_tiers() %}
{% set last_exact_tier = tiers[-3] %}
with recursive nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

components as (
    select * from {{ ref('int_identity__components') }}
),

edges as (
    select * from {{ ref('int_identity__edges') }}
    where refused_because is null
),

known_to_differ as (
    select * from {{ ref('int_identity__links') }}
    where not is_match
),

run as (
    select * from {{ source('run', 'context') }}
),

groups_0 as (
    select
        components.node,
        components.node as root_node,
        nodes.is_merged_away
    from components
    inner join nodes on components.node = nodes.node
    where components.is_too_large or components.holds_contradiction
),

{% for tier in tiers %}
    {% set before = 'groups_' ~ loop.index0 %}
    {% set joined = 'joined_' ~ tier %}
    ties_{{ tier }} as materialized (
        select
            from_groups.root_node as from_node,
            to_groups.root_node as to_node
        from edges
        inner join {{ before }} as from_groups on edges.node = from_groups.node
        inner join {{ before }} as to_groups on edges.anchor_node = to_groups.node
        where edges.tier = {{ tier }} and from_groups.root_node <> to_groups.root_node
        union
        select
            to_groups.root_node as from_node,
            from_groups.root_node as to_node
        from edges
        inner join {{ before }} as from_groups on edges.node = from_groups.node
        inner join {{ before }} as to_groups on edges.anchor_node = to_groups.node
        where edges.tier = {{ tier }} and from_groups.root_node <> to_groups.root_node
    ),

    roots_{{ tier }} as (
        select distinct root_node as node
        from {{ before }}
    ),

    {{ connected_components('reach_' ~ tier, 'roots_' ~ tier, 'ties_' ~ tier) }},

    {{ joined }} as materialized (
        select
            {{ before }}.node,
            {{ before }}.root_node,
            {{ before }}.is_merged_away,
            reach_{{ tier }}.root_node as joined_node
        from {{ before }}
        inner join reach_{{ tier }} on {{ before }}.root_node = reach_{{ tier }}.node
    ),

    refused_{{ tier }} as (
        {% if tier > 2 %}
            select joined_node
            from {{ joined }}
            group by joined_node
            having count(*) filter (where not is_merged_away) > {{ most_identities() }}
            union
        {% endif %}
        select left_joined.joined_node
        from known_to_differ
        inner join {{ joined }} as left_joined on known_to_differ.left_node = left_joined.node
        inner join {{ joined }} as right_joined
            on
                known_to_differ.right_node = right_joined.node
                and left_joined.joined_node = right_joined.joined_node
    ),

    groups_{{ tier }} as materialized (
        select
            {{ joined }}.node,
            case
                when refused_{{ tier }}.joined_node is null then {{ joined }}.joined_node
                else {{ joined }}.root_node
            end as root_node,
            {{ joined }}.is_merged_away
        from {{ joined }}
        left join refused_{{ tier }} on {{ joined }}.joined_node = refused_{{ tier }}.joined_node
    ),
{% endfor %}

placed as (
    select
        node,
        exact_node,
        component_node as root_node
    from components
    where not is_too_large and not holds_contradiction
    union all
    select
        groups_{{ tiers[-1] }}.node,
        groups_{{ last_exact_tier }}.root_node as exact_node,
        groups_{{ tiers[-1] }}.root_node
    from groups_{{ tiers[-1] }}
    inner join groups_{{ last_exact_tier }} on groups_{{ tiers[-1] }}.node = groups_{{ last_exact_tier }}.node
),

final as (
    select
        nodes.node,
        nodes.system,
        nodes.source_id,
        nodes.id,
        nodes.created_at,
        nodes.is_customer,
        nodes.is_merged_away,
        placed.exact_node,
        placed.root_node,
        {{ person_key('placed.root_node', 'run') }} as customer_id
    from placed
    inner join nodes on placed.node = nodes.node
    cross join run
)

select * from final
