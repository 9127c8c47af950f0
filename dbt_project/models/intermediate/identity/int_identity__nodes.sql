with users as (
    select * from {{ ref('int_support__users') }}
),

contacts as (
    select * from {{ ref('input_crm__contacts') }}
),

social_accounts as (
    select * from {{ ref('input_social__accounts') }}
),

final as (
    select
        node,
        'support_users' as system,
        source_id,
        user_id as id,
        created_at,
        has_customer_role as is_customer
    from users
    where not is_machine
    union all
    select
        {{ identity_node('crm_contacts', 'source_id', 'contact_id') }} as node,
        'crm_contacts' as system,
        source_id,
        contact_id as id,
        created_at,
        true as is_customer
    from contacts
    union all
    select
        {{ identity_node('social_accounts', 'source_id', 'account_id') }} as node,
        'social_accounts' as system,
        source_id,
        account_id as id,
        created_at,
        true as is_customer
    from social_accounts
    where not is_brand and not coalesce(is_bot, false)
)

select * from final
