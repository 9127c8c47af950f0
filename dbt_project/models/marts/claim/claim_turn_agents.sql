{{ config(schema='intermediate') }}
-- Not published: how much faster than its cell's agents the agent of a ticket's turn answers everybody else. A cell
-- is a queue, a skill and a shift, or what a slot's thinly filled shifts hold together: within it, agents take turns.
-- All of the turn's customer is left out, so that no customer's own wait tells how fast the agent is.
{% set least_cell_turns = 5 %}
{% set least_agent_turns = 10 %}
{% set least_answered_share = 0.9 %}
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null and ticket_id is not null
),

turns as (
    select * from {{ ref('fct_response_turns') }}
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

ticket_queues as (
    select * from {{ ref('int_roster__ticket_queues') }}
),

brands as (
    select * from {{ ref('dim_brand') }}
),

-- Nobody had a turn that a bot alone answered.
asked as (
    select
        doses.turn_id,
        doses.customer_id,
        doses.brand_id,
        doses.responsiveness,
        turns.human_replier_id as agent_id,
        ticket_queues.queue,
        coalesce(tickets.skill, '') as skill,
        {{ slot_start('timezone(brands.time_zone, turns.asked_at)') }} as slot_start_local
    from doses
    inner join turns on doses.turn_id = turns.turn_id
    inner join brands on doses.brand_id = brands.brand_id
    inner join ticket_queues
        on doses.source_id = ticket_queues.source_id and doses.ticket_id = ticket_queues.ticket_id
    inner join tickets
        on doses.source_id = tickets.source_id and doses.ticket_id = tickets.ticket_id
    where turns.human_replier_id is not null or turns.any_replied_at is null
),

shift_sizes as (
    select
        *,
        count(agent_id) over (partition by brand_id, queue, skill, slot_start_local) >= {{ least_cell_turns }}
            as is_full_shift
    from asked
),

celled as (
    select
        turn_id,
        customer_id,
        agent_id,
        responsiveness,
        dense_rank() over (
            order by
                brand_id,
                queue,
                skill,
                {{ slot_number('slot_start_local') }},
                case when is_full_shift then slot_start_local end
        ) as cell
    from shift_sizes
),

-- Where many got no answer, nobody knows whose turns those were.
told_cells as (
    select cell
    from celled
    group by cell
    having count(agent_id) >= {{ least_cell_turns }} and count(agent_id) >= {{ least_answered_share }} * count(*)
),

answered as (
    select celled.*
    from celled
    inner join told_cells on celled.cell = told_cells.cell
    where celled.agent_id is not null
),

{% for name, keys in [
    ('cells', ['cell']),
    ('agent_cells', ['cell', 'agent_id']),
    ('customer_cells', ['cell', 'customer_id']),
    ('own_turns', ['cell', 'agent_id', 'customer_id']),
] %}
    {{ name }} as (
        select
            {{ keys | join(', ') }},
            count(*) as n_turns,
            sum(responsiveness)::double as total
        from answered
        group by {{ keys | join(', ') }}
    ),
{% endfor %}

agents as (
    select
        agent_cells.agent_id,
        sum(agent_cells.n_turns) as n_turns,
        {{ exact_sum('agent_cells.total - agent_cells.n_turns * cells.total / cells.n_turns') }} as total_ahead
    from agent_cells
    inner join cells on agent_cells.cell = cells.cell
    group by agent_cells.agent_id
),

-- Every agent of every cell that a customer asked in: what is left there without the customer.
without_customer as (
    select
        customer_cells.customer_id,
        customer_cells.cell,
        agent_cells.agent_id,
        agent_cells.n_turns,
        agent_cells.total,
        agent_cells.n_turns - coalesce(own_turns.n_turns, 0) as n_other_turns,
        agent_cells.total - coalesce(own_turns.total, 0) as other_total,
        cells.total / cells.n_turns as cell_mean,
        coalesce(
            (cells.total - customer_cells.total) / nullif(cells.n_turns - customer_cells.n_turns, 0), 0
        ) as other_cell_mean
    from customer_cells
    inner join cells on customer_cells.cell = cells.cell
    inner join agent_cells on customer_cells.cell = agent_cells.cell
    left join own_turns
        on
            customer_cells.cell = own_turns.cell
            and customer_cells.customer_id = own_turns.customer_id
            and agent_cells.agent_id = own_turns.agent_id
),

speeds as (
    select
        without_customer.customer_id,
        without_customer.agent_id,
        (
            any_value(agents.total_ahead)
            + {{ exact_sum(
                'without_customer.other_total - without_customer.n_other_turns * without_customer.other_cell_mean'
                ~ ' - without_customer.total + without_customer.n_turns * without_customer.cell_mean'
            ) }}
        )
        / (any_value(agents.n_turns) - sum(without_customer.n_turns - without_customer.n_other_turns)) as speed
    from without_customer
    inner join agents on without_customer.agent_id = agents.agent_id
    group by without_customer.customer_id, without_customer.agent_id
    having
        any_value(agents.n_turns) - sum(without_customer.n_turns - without_customer.n_other_turns)
        >= {{ least_agent_turns }}
),

usual_speeds as (
    select
        without_customer.customer_id,
        without_customer.cell,
        {{ exact_sum('without_customer.n_other_turns * speeds.speed') }} / sum(without_customer.n_other_turns)
            as usual_speed
    from without_customer
    inner join speeds
        on
            without_customer.customer_id = speeds.customer_id
            and without_customer.agent_id = speeds.agent_id
    group by without_customer.customer_id, without_customer.cell
    having sum(without_customer.n_other_turns) >= {{ least_cell_turns - 1 }}
),

final as (
    select
        answered.turn_id,
        speeds.speed - usual_speeds.usual_speed as agent_leave_one_out
    from answered
    inner join speeds
        on answered.customer_id = speeds.customer_id and answered.agent_id = speeds.agent_id
    inner join usual_speeds
        on answered.customer_id = usual_speeds.customer_id and answered.cell = usual_speeds.cell
)

select * from final
