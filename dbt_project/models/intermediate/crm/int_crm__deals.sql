-- Deals with their customer and company, and how they stood at the end of observation.
with deals as (
    select * from {{ ref('input_crm__deals') }}
    where deleted_at is null
),

stage_changes as (
    select * from {{ ref('input_crm__deal_stage_changes') }}
    where deleted_at is null
),

contacts as (
    select * from {{ ref('int_crm__contacts') }}
),

default_brand as (
    select * from {{ ref('int_brands') }}
    where is_default
),

last_changes as (
    select
        source_id,
        deal_id,
        max(changed_at) as last_changed_at
    from stage_changes
    group by all
),

-- A decided deal without a date was decided by its last move.
dated as (
    select
        deals.*,
        case
            when deals.is_won is not null then coalesce(deals.closed_at, last_changes.last_changed_at)
        end as decided_at,
        default_brand.brand_id,
        default_brand.observed_end_at,
        deals.created_at > default_brand.observed_end_at as is_after_observation
    from deals
    cross join default_brand
    left join last_changes
        on deals.source_id = last_changes.source_id and deals.deal_id = last_changes.deal_id
),

observed as (
    select
        *,
        is_won is not null
        and not is_after_observation
        and coalesce(decided_at <= observed_end_at, true) as is_closed
    from dated
),

final as (
    select
        observed.source_id,
        observed.deal_id,
        contacts.customer_id,
        coalesce(observed.account_id, contacts.account_id) as account_id,
        observed.brand_id,
        observed.created_at,
        observed.amount,
        {{ currency_code('observed.currency') }} as currency,
        observed.stage,
        observed.is_closed,
        case when observed.is_closed then observed.is_won end as is_won,
        case when observed.is_closed then observed.decided_at end as closed_at,
        observed.is_after_observation,
        observed.observed_end_at
    from observed
    left join contacts
        on observed.source_id = contacts.source_id and observed.contact_id = contacts.contact_id
)

select * from final
