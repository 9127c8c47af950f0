-- Tickets in a trial of reply times. Trials may come from another system than tickets: the ticket of the same
-- source counts, else the only one of that name. Of several trials, the first.
with experiments as (
    select
        *,
        {{ experiment_unit_plain_id('unit_id') }} as plain_id
    from {{ ref('input_shared__experiments') }}
    where deleted_at is null and unit = 'ticket'
),

trials as (
    select * from {{ ref('int_experiments__trials') }}
    where lever = 'responsiveness' and problem is null
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

matched as (
    select
        tickets.source_id,
        tickets.ticket_id,
        trials.experiment_id,
        trials.first_assigned_at,
        lower(trim(experiments.arm)) not in ('control', 'usual', 'holdout') as is_treated
    from experiments
    inner join trials
        on experiments.source_id = trials.source_id and experiments.experiment_id = trials.experiment_id
    inner join tickets on experiments.plain_id = tickets.ticket_id
    qualify
        experiments.source_id = tickets.source_id
        or count(*) over (partition by experiments.source_id, experiments.experiment_id, experiments.unit_id) = 1
),

final as (
    select
        source_id,
        ticket_id,
        experiment_id,
        is_treated
    from matched
    qualify row_number() over (partition by source_id, ticket_id order by first_assigned_at, experiment_id) = 1
)

select * from final
