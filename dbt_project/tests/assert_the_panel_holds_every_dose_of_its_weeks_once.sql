-- Turns of customers' weeks in the panel, and their responsiveness, add up to the panel's.
with doses as (
    select
        customer_id,
        brand_id,
        week_start,
        count(*) as n_turns,
        sum(responsiveness)::double as total_responsiveness
    from {{ ref('dose_turns') }}
    where responsiveness is not null
    group by all
),

panel as (
    select * from {{ ref('panel_customer_week') }}
),

final as (
    select
        panel.customer_id,
        panel.brand_id,
        panel.week_start
    from panel
    left join doses
        on
            panel.customer_id = doses.customer_id
            and panel.brand_id = doses.brand_id
            and panel.week_start = doses.week_start
    where
        panel.n_turns <> coalesce(doses.n_turns, 0)
        or panel.total_responsiveness <> coalesce(doses.total_responsiveness, 0)
        or panel.n_human_first + panel.n_bot_first + panel.n_handed_off > panel.n_turns
)

select * from final
