-- What customers did after replies of different speed. Descriptive: who is answered fast is not chosen by lot.
{% set bins = [
    ('under 5 min', 300), ('5 to 15 min', 900), ('15 min to 1 h', 3600), ('1 to 4 h', 14400), ('4 to 24 h', 86400),
    ('24 to 72 h', 259200),
] %}
with turns as (
    select * from {{ ref('episode_turns') }}
),

waits as (
    select * from {{ ref('fct_response_turns') }}
),

panel as (
    select * from {{ ref('panel_customer_week') }}
),

customer_means as (
    select
        customer_id,
        brand_id,
        {{ exact_sum('outcome') }} / count(*) as mean_outcome
    from panel
    group by customer_id, brand_id
),

week_means as (
    select
        week_start,
        {{ exact_sum('outcome') }} / count(*) as mean_outcome
    from panel
    group by week_start
),

overall as (
    select {{ exact_sum('outcome') }} / count(*) as mean_outcome
    from panel
),

binned as (
    select
        panel.customer_id,
        case
            {% for label, seconds in bins %}
                when waits.human_wait_calendar_seconds < {{ seconds }} then {{ loop.index }}
            {% endfor %}
            when waits.human_wait_calendar_seconds is not null then {{ bins | length + 1 }}
            else {{ bins | length + 2 }}
        end as bin_number,
        panel.outcome,
        panel.outcome
        - (customer_means.mean_outcome - overall.mean_outcome)
        - (week_means.mean_outcome - overall.mean_outcome) as adjusted_outcome
    from turns
    inner join waits on turns.turn_id = waits.turn_id
    inner join panel
        on
            turns.customer_id = panel.customer_id
            and turns.brand_id = panel.brand_id
            and turns.week_start = panel.week_start
    inner join customer_means
        on panel.customer_id = customer_means.customer_id and panel.brand_id = customer_means.brand_id
    inner join week_means on panel.week_start = week_means.week_start
    cross join overall
),

{{ clustered_means('binned', 'bin_number', 'customer_id', ['outcome', 'adjusted_outcome']) }},

final as (
    select
        bin_number,
        case bin_number
            {% for label, seconds in bins %}
                when {{ loop.index }} then '{{ label }}'
            {% endfor %}
            when {{ bins | length + 1 }} then '72 h and later'
            else 'no reply'
        end as reply_time,
        n_rows as n_turns,
        n_clusters as n_customers,
        mean_outcome,
        se_outcome,
        mean_adjusted_outcome,
        se_adjusted_outcome
    from means
)

select * from final
