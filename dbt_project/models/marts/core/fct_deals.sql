with deals as (
    select * from {{ ref('int_crm__deals') }}
),

stages as (
    select * from {{ ref('int_crm__deal_stages') }}
),

amounts as (
    select * from {{ ref('int_crm__amounts') }}
    where table_name = 'crm_deals'
),

stays as (
    select
        source_id,
        deal_id,
        max(stage) filter (where is_current) as stage,
        max(starts_at) filter (where is_current) as stage_since,
        count(*) - 1 as n_stage_changes
    from stages
    group by all
),

final as (
    select
        deals.source_id,
        deals.deal_id,
        deals.customer_id,
        deals.account_id,
        deals.brand_id,
        deals.created_at,
        amounts.amount,
        amounts.currency,
        amounts.amount_base,
        amounts.base_currency,
        stays.stage,
        stays.stage_since,
        coalesce(stays.n_stage_changes, 0) as n_stage_changes,
        deals.is_closed,
        deals.is_won,
        deals.closed_at,
        case
            when not deals.is_after_observation
                then
                    greatest(
                        {{ seconds_between('deals.created_at', 'coalesce(deals.closed_at, deals.observed_end_at)') }},
                        0
                    ) / 86400
        end as open_calendar_days,
        deals.is_after_observation
    from deals
    inner join amounts
        on deals.source_id = amounts.source_id and deals.deal_id = amounts.row_id
    left join stays
        on deals.source_id = stays.source_id and deals.deal_id = stays.deal_id
)

select * from final
