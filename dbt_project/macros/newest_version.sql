{#- Staging of canonical files: the newest version of each key; ties go to the later load, then the later row. -#}
{% macro newest_version(relation, key) -%}
select * exclude (_loader, _load_id, _landed_at, _row_number, _extra)
from {{ relation }}
qualify row_number() over (
    partition by source_id, {{ key | join(', ') }}
    order by updated_at desc nulls last, _load_id desc, _row_number desc
) = 1
{%- endmacro %}
