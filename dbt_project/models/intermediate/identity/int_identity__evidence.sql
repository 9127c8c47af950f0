-- Values that name a person: the company's own id, the e-mail, the handle. Compared as they are, but for
-- case and outer spaces.
with nodes as (
    select * from {{ ref('int_identity__nodes') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

contacts as (
    select
        *,
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node
    from {{ ref('input_crm__contacts') }}
),

social_accounts as (
    select * from {{ ref('input_social__accounts') }}
),

named as (
    select
        node,
        'external_id' as rule,
        external_id as evidence
    from users
    union all
    select
        node,
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
        node,
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
        node,
        'handle' as rule,
        lower(replace(unnest(social_handles), ':@', ':')) as evidence
    from contacts
),

final as (
    select distinct
        named.node,
        named.rule,
        named.evidence,
        nodes.created_at,
        nodes.is_merged_away
    from named
    inner join nodes on named.node = nodes.node
    where named.evidence is not null and named.evidence <> ''
)

select * from final
