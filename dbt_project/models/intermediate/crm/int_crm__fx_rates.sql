-- Half-open intervals of days [starts_on, ends_before) in which a rate holds: from its day to the day of the next.
with rates as (
    select
        source_id,
        {{ currency_code('currency') }} as currency,
        day,
        try_cast(rate_to_base as decimal(20, 12)) as rate_to_base
    from {{ ref('input_shared__fx_rates') }}
    where deleted_at is null
),

-- Two sources may give the same day's rate: one of them counts, always the same.
chosen as (
    select *
    from rates
    where currency is not null and rate_to_base > 0
    qualify row_number() over (partition by currency, day order by source_id) = 1
),

final as (
    select
        currency,
        day as starts_on,
        lead(day) over (partition by currency order by day) as ends_before,
        rate_to_base
    from chosen
)

select * from final
