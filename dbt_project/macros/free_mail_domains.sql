{#- Domains where anyone gets a mailbox: they never tell a company. -#}
{% macro free_mail_domains() -%}
{{ return([
    'aol.com', 'duck.com', 'fastmail.com', 'free.fr', 'gmail.com', 'gmx.at', 'gmx.ch', 'gmx.com', 'gmx.de', 'gmx.net',
    'googlemail.com', 'hey.com', 'hotmail.co.uk', 'hotmail.com', 'hotmail.fr', 'icloud.com', 'laposte.net', 'libero.it',
    'live.com', 'mac.com', 'mail.com', 'mail.ru', 'me.com', 'msn.com', 'naver.com', 'orange.fr', 'outlook.com',
    'proton.me', 'protonmail.com', 'qq.com', 'rocketmail.com', 't-online.de', 'tutanota.com', 'wanadoo.fr', 'web.de',
    'yahoo.co.jp', 'yahoo.co.uk', 'yahoo.com', 'yahoo.de', 'yahoo.fr', 'yandex.ru', 'ymail.com', 'zoho.com', '126.com',
    '163.com',
]) }}
{%- endmacro %}
