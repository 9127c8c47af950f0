{#- Incremental models recompute whole keys: those whose inputs differ from the last finished build. `touched`
    limits an import to such keys in an incremental run, and is the relation itself in a full one. Unit tests
    see the whole relation. -#}
{% macro touched(relation, by) -%}
{%- set is_partial = model is defined and model.resource_type == 'model' and is_incremental() -%}
{%- if is_partial or not execute -%}
    {%- set dirty = ref('int_changes__dirty_' ~ by) -%}
{%- endif -%}
{%- if is_partial -%}
(select touched_rows.* from {{ relation }} as touched_rows semi join {{ dirty }} using ({{ dirty_key_columns(by) }}))
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}

{% macro dirty_key_columns(by) -%}
{{ {'tickets': 'source_id, ticket_id', 'conversations': 'conversation_id'}[by] }}
{%- endmacro %}

{#- Incremental strategies: delete the dirty keys' rows, those that are gone included, and insert the new ones. -#}
{% macro get_incremental_dirty_tickets_sql(arguments) -%}
{{ replace_dirty_keys(arguments, 'tickets') }}
{%- endmacro %}

{% macro get_incremental_dirty_conversations_sql(arguments) -%}
{{ replace_dirty_keys(arguments, 'conversations') }}
{%- endmacro %}

{% macro replace_dirty_keys(arguments, by) -%}
{%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
{%- set dirty = api.Relation.create(
    database=this.database, schema='intermediate', identifier='int_changes__dirty_' ~ by
) -%}
delete from {{ arguments['target_relation'] }}
where ({{ dirty_key_columns(by) }}) in (select ({{ dirty_key_columns(by) }}) from {{ dirty }});
insert into {{ arguments['target_relation'] }} ({{ columns }})
select {{ columns }} from {{ arguments['temp_relation'] }};
{%- endmacro %}
