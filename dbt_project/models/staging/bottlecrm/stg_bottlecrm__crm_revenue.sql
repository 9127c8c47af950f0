-- What was paid, by the day of the payment. A payment that was taken back is no longer in the invoice's newest list.
with invoices as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__invoices'), ['id']) }}
),

lists as (
    {{ newest_record(source('bottlecrm', 'bottlecrm__invoice_payments'), ['invoice_id']) }}
),

payments as (
    select
        source_id,
        invoice_id,
        unnest(from_json(payments, '["json"]')) as payment
    from lists
)

select
    payments.source_id,
    payments.payment ->> 'id' as revenue_id,
    invoices.account as account_id,
    invoices.contact as contact_id,
    ((payments.payment ->> 'payment_date') || 'T00:00:00Z')::timestamptz as occurred_at,
    (payments.payment ->> 'amount')::decimal(18, 4) as amount,
    invoices.currency,
    'purchase' as kind,
    invoices._deleted_at as deleted_at
from payments
inner join invoices on payments.source_id = invoices.source_id and payments.invoice_id = invoices.id
