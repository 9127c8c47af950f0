-- Every turn stands in exactly one row of each table of its entity, and in the same numbers whatever the period.
with turns as (
    select * from {{ ref('responsiveness_turns') }}
),

published as (
    {%- for entity in ['brand', 'customer', 'agent', 'channel'] %}
        {%- for period in ['day', 'week', 'month'] %}
            select
                '{{ entity }}_{{ period }}' as table_name,
                sum(n_turns) as n_turns,
                sum(n_answered) as n_answered,
                sum(n_answered + coalesce(n_censored, 0)) as n_answered_or_censored,
                sum(n_with_target) as n_with_target,
                count(*) filter (where n_within_target + n_breached_target > n_with_target)
                    as n_rows_with_more_outcomes_than_targets
            from {{ ref(entity ~ '_' ~ period) }}
            {{- ' union all' if not loop.last }}
        {%- endfor %}
        {{- ' union all' if not loop.last }}
    {%- endfor %}
),

expected as (
    {%- for entity, condition in [
        ('brand', 'true'),
        ('customer', 'customer_id is not null'),
        ('agent', 'agent_id is not null'),
        ('channel', 'true'),
    ] %}
        select
            '{{ entity }}' as entity,
            count(*) filter (where {{ condition }}) as n_turns,
            count(*) filter (where is_answered and {{ condition }}) as n_answered,
            count(*) filter (where has_target and {{ condition }}) as n_with_target
        from turns
        {{- ' union all' if not loop.last }}
    {%- endfor %}
)

select
    published.*,
    expected.n_turns as n_turns_expected
from published
inner join expected on split_part(published.table_name, '_', 1) = expected.entity
where
    coalesce(published.n_turns, 0) <> expected.n_turns
    or coalesce(published.n_answered, 0) <> expected.n_answered
    or coalesce(published.n_answered_or_censored, 0) <> expected.n_turns
    or coalesce(published.n_with_target, 0) <> expected.n_with_target
    or published.n_rows_with_more_outcomes_than_targets > 0
