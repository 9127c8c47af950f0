with users as (
    select * from {{ ref('int_support__users') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

social_accounts as (
    select * from {{ ref('input_social__accounts') }}
),

-- Whoever posts is somebody, listed or not.
unlisted_authors as (
    select distinct
        posts.source_id,
        posts.account_id
    from {{ ref('input_social__posts') }} as posts
    anti join social_accounts
        on posts.source_id = social_accounts.source_id and posts.account_id = social_accounts.account_id
),

final as (
    select
        node,
        'support_users' as system,
        source_id,
        user_id as id,
        created_at,
        has_customer_role as is_customer,
        false as is_merged_away
    from users
    where not is_machine
    union all
    select
        {{ identity_node('crm_contacts', 'contacts.source_id', 'contacts.contact_id') }} as node,
        'crm_contacts' as system,
        contacts.source_id,
        contacts.contact_id as id,
        contacts.created_at,
        true as is_customer,
        survivors.contact_id is not null as is_merged_away
    from contacts
    left join contacts as survivors
        on
            contacts.source_id = survivors.source_id
            and contacts.merged_into_contact_id = survivors.contact_id
            and contacts.contact_id <> survivors.contact_id
    union all
    select
        {{ identity_node('social_accounts', 'source_id', 'account_id') }} as node,
        'social_accounts' as system,
        source_id,
        account_id as id,
        created_at,
        true as is_customer,
        false as is_merged_away
    from social_accounts
    where not is_brand and not coalesce(is_bot, false)
    union all
    select
        {{ identity_node('social_accounts', 'source_id', 'account_id') }} as node,
        'social_accounts' as system,
        source_id,
        account_id as id,
        null as created_at,
        true as is_customer,
        false as is_merged_away
    from unlisted_authors
)

select * from final
