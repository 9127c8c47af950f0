-- Whether missing staff slows replies, the slot's and the week's own level taken out of both.
{% set n_bins = 20 %}
{% set measures = ['shortfall', 'responsiveness'] %}
{% set partitions = [('slot', 'partition by queue, slot'), ('week', 'partition by week_start'), ('overall', '')] %}
with turns as (
    select * from {{ ref('episode_turns') }}
    where shortfall is not null and not is_incident
),

levels as (
    select
        {% for measure in measures %}
            {% for name, partition in partitions %}
                sum({{ measure }}::decimal(38, 15)) over ({{ partition }})::double / count(*) over ({{ partition }})
                    as {{ name }}_{{ measure }},
            {% endfor %}
            {{ measure }}::double as {{ measure }},
        {% endfor %}
        turn_id,
        shift_id
    from turns
),

residuals as (
    select
        {% for measure in measures %}
            {{ measure }} - slot_{{ measure }} - week_{{ measure }} + overall_{{ measure }} as {{ measure }},
        {% endfor %}
        turn_id,
        shift_id
    from levels
),

binned as (
    select
        *,
        ntile({{ n_bins }}) over (order by shortfall, turn_id) as bin_number
    from residuals
),

{{ clustered_means('binned', 'bin_number', 'shift_id', ['shortfall', 'responsiveness']) }},

final as (
    select
        bin_number,
        n_rows as n_turns,
        n_clusters as n_shifts,
        mean_shortfall,
        mean_responsiveness,
        se_responsiveness
    from means
)

select * from final
