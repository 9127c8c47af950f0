{#- Keyed hash of a person's identity: HMAC-SHA-256 (RFC 2104) with the key's two pads from the run's context,
    first 128 bits in hex. -#}
{% macro person_key(identity, context) -%}
left(sha256({{ context }}.hmac_outer_pad || unhex(sha256({{ context }}.hmac_inner_pad || encode({{ identity }})))), 32)
{%- endmacro %}
