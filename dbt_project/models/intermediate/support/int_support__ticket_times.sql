{{ config(materialized='incremental', incremental_strategy='dirty_tickets') }}

-- One row per ticket: time in each kind of status on both clocks, solving instants and reopens.
{% set measures = {
    'requester_wait': "waiting_side = 'requester'",
    'agent_wait': "waiting_side = 'agent'",
    'new': "status = 'new'",
    'open': "status = 'open'",
    'hold': "status = 'hold'",
} %}
with tickets as (
    select * from {{ touched(ref('int_support__tickets'), by='tickets') }}
),

intervals as (
    select
        *,
        (status is distinct from previous_status) and not is_initial as is_change
    from {{ touched(ref('int_support__status_intervals'), by='tickets') }}
),

waits as (
    select * from {{ touched(ref('int_support__waits'), by='tickets') }}
),

readings as (
    select * from {{ touched(ref('int_support__clock_readings'), by='tickets') }}
),

-- Sums are decimal, so that they do not depend on the order of rows.
waited as (
    select
        {% for measure, condition in measures.items() %}
            sum(calendar_seconds::decimal(18, 6)) filter (where {{ condition }}) as {{ measure }}_calendar_seconds,
            sum(business_seconds::decimal(18, 6)) filter (where {{ condition }}) as {{ measure }}_business_seconds,
        {% endfor %}
        source_id,
        ticket_id
    from waits
    group by source_id, ticket_id
),

solved as (
    select
        source_id,
        ticket_id,
        min(starts_at) filter (where status = 'solved' and is_change) as first_solved_at,
        max(starts_at) filter (where status = 'solved' and is_change) as last_solved_at,
        max(starts_at) filter (where status = 'closed' and is_change) as closed_at,
        count(*) filter (where is_reopen) as n_reopens,
        arg_max(status, interval_number) as last_status
    from intervals
    group by source_id, ticket_id
),

resolved as (
    select
        tickets.source_id,
        tickets.ticket_id,
        tickets.created_at,
        solved.n_reopens,
        solved.last_status,
        coalesce(solved.first_solved_at, solved.closed_at) as first_resolved_at,
        case
            when solved.last_status in ('solved', 'closed') then coalesce(solved.last_solved_at, solved.closed_at)
        end as fully_resolved_at
    from tickets
    inner join solved
        on tickets.source_id = solved.source_id and tickets.ticket_id = solved.ticket_id
),

final as (
    select
        {% for measure in measures %}
            coalesce(waited.{{ measure }}_calendar_seconds, 0)::double as {{ measure }}_calendar_seconds,
            case
                when waited.{{ measure }}_calendar_seconds > 0 then waited.{{ measure }}_business_seconds::double
                when created.read_at is not null then 0.0::double
            end as {{ measure }}_business_seconds,
        {% endfor %}
        resolved.source_id,
        resolved.ticket_id,
        resolved.last_status,
        resolved.n_reopens,
        resolved.first_resolved_at,
        resolved.fully_resolved_at,
        {{ seconds_between('resolved.created_at', 'resolved.first_resolved_at') }} as first_resolution_calendar_seconds,
        {{ seconds_between('resolved.created_at', 'resolved.fully_resolved_at') }} as full_resolution_calendar_seconds,
        {{ business_seconds('created', 'first_resolved') }} as first_resolution_business_seconds,
        {{ business_seconds('created', 'fully_resolved') }} as full_resolution_business_seconds
    from resolved
    left join waited
        on resolved.source_id = waited.source_id and resolved.ticket_id = waited.ticket_id
    left join readings as created
        on
            resolved.source_id = created.source_id
            and resolved.ticket_id = created.ticket_id
            and resolved.created_at = created.read_at
    left join readings as first_resolved
        on
            resolved.source_id = first_resolved.source_id
            and resolved.ticket_id = first_resolved.ticket_id
            and resolved.first_resolved_at = first_resolved.read_at
    left join readings as fully_resolved
        on
            resolved.source_id = fully_resolved.source_id
            and resolved.ticket_id = fully_resolved.ticket_id
            and resolved.fully_resolved_at = fully_resolved.read_at
)

select * from final
