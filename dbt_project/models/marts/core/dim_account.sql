with accounts as (
    select * from {{ ref('input_crm__accounts') }}
    where deleted_at is null
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
    where not is_merged and not is_deleted
),

members as (
    select
        source_id,
        account_id,
        count(*) as n_contacts,
        count(distinct customer_id) as n_customers
    from contacts
    group by all
),

final as (
    select
        accounts.source_id,
        accounts.account_id,
        accounts.name,
        accounts.domain,
        coalesce(members.n_contacts, 0) as n_contacts,
        coalesce(members.n_customers, 0) as n_customers
    from accounts
    left join members
        on accounts.source_id = members.source_id and accounts.account_id = members.account_id
)

select * from final
