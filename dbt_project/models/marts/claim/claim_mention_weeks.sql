{{ config(schema='intermediate') }}
-- Not published: public mentions by the week in which they were written.
{% set answered_within_hours = 72 %}
with mentions as (
    select * from {{ ref('fct_mentions') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

final as (
    select
        units.customer_unit_id as customer_id,
        mentions.brand_id,
        {{ brand_week('mentions.created_at', 'brands.time_zone') }} as week_start,
        count(*) as n_mentions,
        count(*) filter (where mentions.first_human_reply_calendar_seconds <= {{ answered_within_hours }} * 3600)
            as n_mentions_answered
    from mentions
    inner join units on mentions.customer_id = units.customer_id
    inner join brands on mentions.brand_id = brands.brand_id
    group by all
)

select * from final
