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

current_stays as (
    select * from stages
    where is_current
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
        current_stays.stage,
        current_stays.starts_at as stage_since,
        coalesce(current_stays.stay_number - 1, 0) as n_stage_changes,
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
    left join current_stays
        on deals.source_id = current_stays.source_id and deals.deal_id = current_stays.deal_id
)

select * from final
