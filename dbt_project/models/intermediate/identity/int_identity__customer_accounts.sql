-- The company of each person: the CRM contact's own, else the one that the support organisation is linked to,
-- else the one that has the domain of the person's e-mail. Within each, the smallest where there are several.
with clusters as (
    select * from {{ ref('int_identity__clusters') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

users as (
    select * from {{ ref('int_support__users') }}
),

accounts as (
    select * from {{ ref('input_crm__accounts') }}
    where deleted_at is null
),

links as (
    select * from {{ ref('int_identity__links') }}
),

evidence as (
    select * from {{ ref('int_identity__evidence') }}
),

account_nodes as (
    select
        source_id,
        account_id,
        {{ identity_node('crm_accounts', 'source_id', 'account_id') }} as node,
        regexp_replace(lower(trim(domain)), '^(https?://)?(www[.])?|/.*$', '', 'g') as web_domain
    from accounts
),

organizations as (
    select
        clusters.customer_id,
        {{ identity_node('support_organizations', 'users.source_id', 'users.organization_id') }} as node
    from clusters
    inner join users on clusters.node = users.node
    where users.organization_id is not null
),

organization_links as (
    select
        organizations.customer_id,
        account_nodes.source_id,
        account_nodes.account_id,
        links.is_match
    from organizations
    inner join links on organizations.node in (links.left_node, links.right_node)
    inner join account_nodes on account_nodes.node in (links.left_node, links.right_node)
),

-- A domain of several companies tells none of them, a free mailbox nothing at all.
account_domains as (
    select
        web_domain,
        min(source_id) as source_id,
        min(account_id) as account_id
    from account_nodes
    where
        web_domain not in (
            {% for name in free_mail_domains() %}
                '{{ name }}'{{ ',' if not loop.last }}
            {% endfor %}
        )
    group by web_domain
    having count(*) = 1
),

by_domain as (
    select
        clusters.customer_id,
        account_domains.source_id,
        account_domains.account_id
    from evidence
    inner join clusters on evidence.node = clusters.node
    inner join account_domains on regexp_extract(evidence.evidence, '@([^@]+)$', 1) = account_domains.web_domain
    where evidence.rule = 'email'
),

candidates as (
    select
        clusters.customer_id,
        contacts.source_id,
        contacts.account_id,
        -- A merged contact's company counts only where its survivor has none.
        case when clusters.is_merged_away then 2 else 1 end as preference,
        'contact' as account_rule
    from clusters
    inner join contacts
        on
            clusters.system = 'crm_contacts'
            and clusters.source_id = contacts.source_id
            and clusters.id = contacts.contact_id
    where contacts.account_id is not null
    union all
    select
        customer_id,
        source_id,
        account_id,
        3 as preference,
        'organization' as account_rule
    from organization_links
    where is_match
    union all
    select
        by_domain.customer_id,
        by_domain.source_id,
        by_domain.account_id,
        4 as preference,
        'domain' as account_rule
    from by_domain
    anti join organization_links
        on
            by_domain.customer_id = organization_links.customer_id
            and by_domain.source_id = organization_links.source_id
            and by_domain.account_id = organization_links.account_id
            and not organization_links.is_match
),

final as (
    select
        customer_id,
        source_id as account_source_id,
        account_id,
        account_rule
    from candidates
    qualify row_number() over (partition by customer_id order by preference, source_id, account_id) = 1
)

select * from final
