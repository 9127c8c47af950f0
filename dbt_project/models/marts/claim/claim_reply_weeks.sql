{{ config(schema='intermediate') }}
-- Not published: public human replies that reached a customer, in conversations in which the customer had asked.
with messages as (
    select * from {{ ref('int_conversations__messages') }}
    where
        is_public
        and not is_deleted
        and not is_after_observation
        and answers_customer
        and actor_kind = 'human_agent'
),

turns as (
    select * from {{ ref('fct_response_turns') }}
    where exclusion_reason is null and customer_id is not null
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

askers as (
    select
        conversation_id,
        customer_id,
        min(asked_at) as first_asked_at
    from turns
    group by conversation_id, customer_id
),

heard as (
    select distinct
        units.customer_unit_id as customer_id,
        messages.brand_id,
        messages.source_id,
        messages.message_id,
        messages.sent_at
    from askers
    inner join messages
        on
            askers.conversation_id = messages.conversation_id
            and askers.first_asked_at < messages.sent_at
            and coalesce(messages.listener_id, askers.customer_id) = askers.customer_id
    inner join units on askers.customer_id = units.customer_id
),

final as (
    select
        heard.customer_id,
        heard.brand_id,
        {{ brand_week('heard.sent_at', 'brands.time_zone') }} as week_start,
        count(*) as n_human_replies
    from heard
    inner join brands on heard.brand_id = brands.brand_id
    group by all
)

select * from final
