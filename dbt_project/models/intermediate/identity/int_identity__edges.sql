-- Exact evidence only. Each value that two identities share becomes a star: every identity that
-- carries it is tied to the smallest one, so edges grow with identities, not with pairs.
with nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

social_accounts as (
    select * from {{ ref('input_social__accounts') }}
),

links as (
    select * from {{ ref('input_shared__identity_links') }}
    where deleted_at is null
),

evidence as (
    select
        node,
        'external_id' as rule,
        external_id as evidence
    from users
    union all
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        'external_id' as rule,
        support_external_id as evidence
    from contacts
    union all
    select
        node,
        'email' as rule,
        lower(trim(email)) as evidence
    from users
    union all
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        'email' as rule,
        lower(trim(email)) as evidence
    from contacts
    union all
    select
        {{ identity_node('social_accounts', 'source_id', 'account_id') }} as node,
        'handle' as rule,
        lower(platform || ':' || ltrim(handle, '@')) as evidence
    from social_accounts
    union all
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        'handle' as rule,
        lower(replace(unnest(social_handles), ':@', ':')) as evidence
    from contacts
),

shared_values as (
    select
        evidence.node,
        evidence.rule,
        evidence.evidence,
        min(evidence.node) over (partition by evidence.rule, evidence.evidence) as anchor_node
    from evidence
    inner join nodes on evidence.node = nodes.node
    where evidence.evidence is not null and evidence.evidence <> ''
),

contact_merges as (
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        {{ identity_node('crm_contacts', 'source_id', 'merged_into_contact_id') }} as anchor_node,
        merged_into_contact_id as evidence
    from contacts
    where merged_into_contact_id is not null
),

known_matches as (
    select
        left_nodes.node,
        right_nodes.node as anchor_node,
        links.left_id || ' = ' || links.right_id as evidence
    from links
    inner join nodes as left_nodes
        on links.left_system = left_nodes.system and links.left_id = left_nodes.id
    inner join nodes as right_nodes
        on links.right_system = right_nodes.system and links.right_id = right_nodes.id
),

final as (
    select distinct
        node,
        anchor_node,
        rule,
        1.0::double as confidence,
        evidence
    from shared_values
    where node <> anchor_node
    union all
    select
        contact_merges.node,
        contact_merges.anchor_node,
        'contact_merge' as rule,
        1.0::double as confidence,
        contact_merges.evidence
    from contact_merges
    inner join nodes on contact_merges.anchor_node = nodes.node
    union all
    select
        node,
        anchor_node,
        'known_match' as rule,
        1.0::double as confidence,
        evidence
    from known_matches
    where node <> anchor_node
)

select * from final
