-- At every hop what came in either went on or was left out, and nothing appears from nowhere.
select
    source_id,
    table_name,
    hop,
    rows_in,
    rows_out,
    dropped,
    reason
from {{ ref('reconciliation') }}
where rows_in <> rows_out + dropped or dropped < 0 or reason is null
