-- A status, role, channel or kind that no model knows would count as nothing: it is named, with its source.
with found as (
    {% for family, entities in known_values().items() %}
        {% set outer = loop %}
        {% for entity, columns in entities.items() %}
            {% set inner = loop %}
            {% set table = entity if family == 'shared' else family ~ '_' ~ entity %}
            {% for column, known in columns.items() %}
                {% if not outer.first or not inner.first or not loop.first %}
                    union all
                {% endif %}
                select
                    source_id,
                    '{{ table }}' as table_name,
                    '{{ column }}' as column_name,
                    {{ column }} as unknown_value,
                    '{{ known | join(', ') }}' as known_values
                from {{ ref('input_' ~ family ~ '__' ~ entity) }}
                where {{ column }} not in (
                    {% for value in known %}
                        '{{ value }}'{{ ',' if not loop.last }}
                    {% endfor %}
                )
            {% endfor %}
        {% endfor %}
    {% endfor %}
),

final as (
    select
        source_id,
        table_name,
        column_name,
        unknown_value,
        count(*) as n_rows,
        known_values
    from found
    group by all
)

select * from final
