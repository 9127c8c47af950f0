with final as (
    select
        source_id,
        table_name as "table",
        file_name as file,
        row_number as "row",
        column_name as "column",
        value,
        reason
    from {{ source('run', 'quarantine') }}
)

select * from final
