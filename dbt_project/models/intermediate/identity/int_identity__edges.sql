-- Every tie between two identities, those that are not believed included. Each value that identities share
-- is a star: all who carry it are tied to the smallest, so ties grow with identities, not with pairs.
with nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

evidence as (
    select * from {{ ref('int_identity__evidence') }}
),

links as (
    select * from {{ ref('int_identity__links') }}
),

bridges as (
    select * from {{ ref('int_identity__bridges') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

probable as (
    select * from {{ source('run', 'probable_identity_edges') }}
),

shared_values as (
    select
        rule,
        evidence,
        min(node) as anchor_node,
        count(*) filter (where not is_merged_away) as n_identities
    from evidence
    group by all
    having count(*) > 1
),

-- A value that two persons known to differ share tells nothing about anyone else who carries it.
contradicted_values as (
    select distinct
        left_evidence.rule,
        left_evidence.evidence
    from links
    inner join evidence as left_evidence on links.left_node = left_evidence.node
    inner join evidence as right_evidence
        on
            links.right_node = right_evidence.node
            and left_evidence.rule = right_evidence.rule
            and left_evidence.evidence = right_evidence.evidence
    where not links.is_match
),

value_ties as (
    select
        evidence.node,
        shared_values.anchor_node,
        evidence.rule,
        1.0::double as confidence,
        evidence.evidence,
        shared_values.n_identities,
        null::timestamptz as first_seen_at,
        contradicted_values.evidence is not null as is_contradicted
    from evidence
    inner join shared_values
        on evidence.rule = shared_values.rule and evidence.evidence = shared_values.evidence
    left join contradicted_values
        on evidence.rule = contradicted_values.rule and evidence.evidence = contradicted_values.evidence
    where evidence.node <> shared_values.anchor_node
),

pairs as (
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        {{ identity_node('crm_contacts', 'source_id', 'merged_into_contact_id') }} as anchor_node,
        'contact_merge' as rule,
        1.0::double as confidence,
        merged_into_contact_id as evidence,
        null::timestamptz as first_seen_at
    from contacts
    where merged_into_contact_id <> contact_id
    union all
    select
        right_node as node,
        left_node as anchor_node,
        'known_match' as rule,
        1.0::double as confidence,
        left_node || ' = ' || right_node as evidence,
        first_seen_at
    from links
    where is_match
    union all
    select
        node,
        anchor_node,
        'bridge_post' as rule,
        1.0::double as confidence,
        social_post_id as evidence,
        first_seen_at
    from bridges
    union all
    select
        concat_ws('|', left_system, left_source_id, left_id) as node,
        concat_ws('|', right_system, right_source_id, right_id) as anchor_node,
        'probable' as rule,
        match_probability as confidence,
        evidence,
        null as first_seen_at
    from probable
),

pair_ties as (
    select
        pairs.node,
        pairs.anchor_node,
        pairs.rule,
        pairs.confidence,
        pairs.evidence,
        1 + greatest(
            count(distinct pairs.anchor_node) over (partition by pairs.rule, pairs.node),
            count(distinct pairs.node) over (partition by pairs.rule, pairs.anchor_node)
        ) as n_identities,
        pairs.first_seen_at,
        links.left_node is not null as is_contradicted
    from pairs
    left join links
        on
            not links.is_match
            and least(pairs.node, pairs.anchor_node) = links.left_node
            and greatest(pairs.node, pairs.anchor_node) = links.right_node
),

ties as (
    select * from value_ties
    union all
    select * from pair_ties
),

final as (
    select
        ties.node,
        ties.anchor_node,
        ties.rule,
        ties.confidence,
        ties.evidence,
        ties.n_identities,
        {{ identity_tier('ties.rule', 'ties.n_identities', 'ties.confidence') }} as tier,
        coalesce(ties.first_seen_at, greatest(nodes.created_at, anchors.created_at)) as first_seen_at,
        case
            when ties.is_contradicted then 'known to differ'
            when ties.n_identities > {{ most_identities() }} and ties.rule <> 'contact_merge' then 'shared by too many'
        end as refused_because
    from ties
    inner join nodes on ties.node = nodes.node
    inner join nodes as anchors on ties.anchor_node = anchors.node
)

select * from final
