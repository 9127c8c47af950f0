with final as (
    select
        source_id,
        account_id,
        name,
        domain
    from {{ ref('input_crm__accounts') }}
    where deleted_at is null
)

select * from final
