-- A deal's stays follow each other without gap or overlap, and only the last of them lasts.
with stages as (
    select
        *,
        lead(starts_at) over (partition by source_id, deal_id order by stay_number) as next_starts_at
    from {{ ref('fct_deal_stages') }}
),

final as (
    select
        source_id,
        deal_id,
        stay_number,
        starts_at,
        ends_at,
        next_starts_at
    from stages
    where ends_at is distinct from next_starts_at or ends_at < starts_at
)

select * from final
