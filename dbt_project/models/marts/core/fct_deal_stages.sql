with final as (
    select
        source_id,
        deal_id,
        stay_number,
        stage,
        previous_stage,
        starts_at,
        ends_at,
        duration_calendar_seconds,
        is_current
    from {{ ref('int_crm__deal_stages') }}
)

select * from final
