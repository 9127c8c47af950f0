-- Openings and correspondence reach the requestor, comments stay among the staff.
with transactions as (
    {{ newest_record(source('request_tracker', 'request_tracker__transactions'), ['id']) }}
),

parts as (
    {{ newest_record(source('request_tracker', 'request_tracker__message_bodies'), ['id']) }}
),

-- Plain text where there is some, else the words of the HTML; several parts of one kind are told in the first.
bodies as (
    select
        source_id,
        transaction_id,
        case
            when lower(content_type) = 'text/plain' then trim(content, ' ' || chr(9) || chr(10) || chr(13))
            else {{ html_text('content') }}
        end as body
    from parts
    where trim(content, ' ' || chr(9) || chr(10) || chr(13)) <> ''
    qualify row_number() over (
        partition by source_id, transaction_id
        order by lower(content_type) <> 'text/plain', id::bigint
    ) = 1
)

select
    transactions.source_id,
    transactions.id as message_id,
    transactions.ticket_id,
    transactions.creator_id as author_id,
    transactions.created_at as sent_at,
    transactions.type <> 'Comment' as is_public,
    bodies.body,
    split_part(transactions.url, '/REST/2.0/', 1) || '/Ticket/Display.html?id=' || transactions.ticket_id
    || '#txn-' || transactions.id as source_url
from transactions
left join bodies
    on transactions.source_id = bodies.source_id and transactions.id = bodies.transaction_id
where transactions.type in ('Create', 'Correspond', 'Comment')
