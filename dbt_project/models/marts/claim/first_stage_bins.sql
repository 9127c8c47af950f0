-- Whether missing staff slows replies, the slot's and the week's own level taken out of both.
{% set n_bins = 20 %}
with turns as (
    select * from {{ ref('episode_turns') }}
    where shortfall is not null and not is_incident
),

levels as (
    select
        turn_id,
        shift_id,
        {% for measure in ['shortfall', 'responsiveness'] %}
            {{ measure }}::double as {{ measure }},
            {% for name, partition in [('slot', 'partition by queue, slot'), ('week', 'partition by week_start'), ('overall', '')] %}
                sum({{ measure }}::decimal(38, 15)) over ({{ partition }})::double / count(*) over ({{ partition }})
                    as {{ name }}_{{ measure }},
            {% endfor %}
        {% endfor %}
    from turns
),

residuals as (
    select
        turn_id,
        shift_id,
        {% for measure in ['shortfall', 'responsiveness'] %}
            {{ measure }} - slot_{{ measure }} - week_{{ measure }} + overall_{{ measure }} as {{ measure }},
        {% endfor %}
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
