-- Every turn stands in exactly one row of each table of its entity, and in the same numbers whatever the period.
{% set conditions = {
    'brand': 'true',
    'customer': 'customer_id is not null',
    'agent': 'agent_id is not null',
    'channel': 'true',
} %}
with turns as (
    select * from {{ ref('responsiveness_turns') }}
),

published as (
    {% for entity in conditions %}
        {% for period in ['day', 'week', 'month'] %}
            {% if not (loop.first and entity == 'brand') %}union all{% endif %}
            select
                '{{ entity }}' as entity,
                '{{ period }}' as period,
                sum(n_turns) as n_turns,
                sum(n_answered) as n_answered,
                sum(n_answered + coalesce(n_censored, 0)) as n_answered_or_censored,
                sum(n_with_target) as n_with_target,
                max(n_within_target + n_breached_target - n_with_target) as n_excess_outcomes
            from {{ ref(entity ~ '_' ~ period) }}
        {% endfor %}
    {% endfor %}
),

expected as (
    {% for entity, condition in conditions.items() %}
        {% if not loop.first %}union all{% endif %}
        select
            '{{ entity }}' as entity,
            count(*) as n_turns,
            count(*) filter (where is_answered) as n_answered,
            count(*) filter (where has_target) as n_with_target
        from turns
        where {{ condition }}
    {% endfor %}
),

final as (
    select
        published.*,
        expected.n_turns as n_turns_expected
    from published
    inner join expected on published.entity = expected.entity
    where
        coalesce(published.n_turns, 0) <> expected.n_turns
        or coalesce(published.n_answered, 0) <> expected.n_answered
        or coalesce(published.n_answered_or_censored, 0) <> expected.n_turns
        or coalesce(published.n_with_target, 0) <> expected.n_with_target
        or published.n_excess_outcomes > 0
)

select * from final
