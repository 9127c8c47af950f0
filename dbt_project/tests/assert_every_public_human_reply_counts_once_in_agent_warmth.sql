with agents as (
    select * from {{ ref('agent_warmth') }}
),

replies as (
    select count(*) as n_replies
    from {{ ref('fct_messages') }}
    where actor_kind = 'human_agent' and is_public and not is_after_observation
),

statuses as (
    select
        coalesce(sum(n_replies), 0) as n_replies,
        coalesce(sum(
            n_scored_replies + n_too_short_replies + n_language_not_scored_replies + n_empty_replies + n_no_text_replies
        ), 0) as n_with_status
    from agents
),

final as (
    select
        statuses.n_replies,
        statuses.n_with_status,
        replies.n_replies as n_replies_expected
    from statuses
    cross join replies
    where statuses.n_replies <> replies.n_replies or statuses.n_with_status <> replies.n_replies
)

select * from final
