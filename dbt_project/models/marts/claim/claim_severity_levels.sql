{{ config(schema='intermediate') }}
-- Not published: the company's own severity levels, the most frequent one as number 0.
with doses as (
    select * from {{ ref('dose_turns') }}
    where responsiveness is not null
),

tickets as (
    select * from {{ ref('int_support__tickets') }}
),

levels as (
    select
        coalesce(tickets.severity_tag, tickets.priority) as severity_level,
        count(*) as n_turns
    from doses
    inner join tickets
        on doses.source_id = tickets.source_id and doses.ticket_id = tickets.ticket_id
    where coalesce(tickets.severity_tag, tickets.priority) is not null
    group by all
),

final as (
    select
        severity_level,
        n_turns,
        row_number() over (order by n_turns desc, severity_level asc) - 1 as severity_rank
    from levels
)

select * from final
