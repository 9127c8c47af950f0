-- An agent's warmth towards all others says how a customer would have been answered whatever that customer wrote.
with replies as (
    select * from {{ ref('int_conversations__reply_warmth') }}
    where customer_unit_id is not null
),

agents as (
    select * from {{ ref('agent_warmth') }}
),

own as (
    select
        agent_id,
        customer_unit_id,
        count(*) as n_replies,
        count(*) filter (where status = 'scored') as n_scored_replies,
        coalesce(sum(warmth), 0)::decimal(18, 6) as sum_warmth
    from replies
    group by agent_id, customer_unit_id
),

final as (
    select
        own.agent_id,
        own.customer_unit_id as customer_id,
        own.n_replies,
        own.n_scored_replies,
        own.sum_warmth,
        agents.n_scored_replies - own.n_scored_replies as n_other_scored_replies,
        (agents.sum_warmth - own.sum_warmth)::double
        / nullif(agents.n_scored_replies - own.n_scored_replies, 0) as leave_one_out_mean_warmth
    from own
    inner join agents on own.agent_id = agents.agent_id
)

select * from final
