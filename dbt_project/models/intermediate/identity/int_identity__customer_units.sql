-- The unit that the claim is about. By account, persons of one company are one unit; a person without a company
-- stays one.
with customers as (
    select distinct customer_id
    from {{ ref('int_identity__clusters') }}
),

accounts as (
    select * from {{ ref('int_identity__customer_accounts') }}
),

plan as (
    select * from {{ source('run', 'analysis_plan') }}
),

run as (
    select * from {{ source('run', 'context') }}
),

final as (
    select
        customers.customer_id,
        case
            when plan.customer_unit = 'account' and accounts.account_id is not null
                then {{ account_unit_key('accounts.account_source_id', 'accounts.account_id', 'run') }}
            else customers.customer_id
        end as customer_unit_id
    from customers
    left join accounts on customers.customer_id = accounts.customer_id
    cross join plan
    cross join run
)

select * from final
