-- A claim that the plan registers is answered, once per outcome; a claim that it does not register is not.
with entries as (
    select claim_id from {{ source('run', 'claim_entries') }}
),

verdicts as (
    select
        claim_id,
        count(*) as n_verdicts
    from {{ ref('claim_verdict') }}
    group by claim_id
)

select
    coalesce(entries.claim_id, verdicts.claim_id) as claim_id,
    verdicts.n_verdicts
from entries
full outer join verdicts on entries.claim_id = verdicts.claim_id
where entries.claim_id is null or verdicts.n_verdicts is distinct from 1
