{#- Filter `courtesy-1` of inbound text, frozen: whether a message says nothing but thanks or that its author is away.
    Letters only, lower case; English. A later version gets a new name. Null where there is no text. -#}
{% macro is_courtesy(body) -%}
regexp_full_match(
    trim(regexp_replace(lower({{ body }}), '[^a-z]+', ' ', 'g')),
    '((ok|okay|great|perfect|awesome) )*(many thanks|thanks?( you)?( (so|very) much| a lot| again| all)?|thx|ty|cheers)'
    || '( (for (the|your) (quick |fast |prompt )?(help|reply|response|answer|support)|that (worked|works|helped)))?'
    || '|(automatic reply|auto reply|out of (the )?office|i am (currently )?out of (the )?office)( .*)?'
)
{%- endmacro %}
