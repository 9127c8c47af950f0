{#- Words of a small HTML text: paragraphs and breaks as new lines, no tags, the five entities that XML knows. -#}
{% macro html_text(html) -%}
{%- set lines = "regexp_replace(" ~ html ~ ", '<(br|/p)[^>]*>', chr(10), 'gi')" -%}
{%- set words = "regexp_replace(" ~ lines ~ ", '<[^>]*>', '', 'g')" -%}
{%- set ns = namespace(text="regexp_replace(" ~ words ~ ", '^\\s+|\\s+$', '', 'g')") -%}
{%- for entity, character in [('&lt;', '<'), ('&gt;', '>'), ('&quot;', '"'), ('&#39;', "''"), ('&apos;', "''"), ('&amp;', '&')] -%}
    {%- set ns.text = "replace(" ~ ns.text ~ ", '" ~ entity ~ "', '" ~ character ~ "')" -%}
{%- endfor -%}
{{ ns.text }}
{%- endmacro %}
