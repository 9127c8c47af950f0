with final as (
    select
        brand_id,
        name,
        time_zone,
        observed_until,
        observed_end_at,
        is_declared
    from {{ ref('int_brands') }}
)

select * from final
