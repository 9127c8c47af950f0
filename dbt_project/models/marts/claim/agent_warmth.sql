with replies as (
    select * from {{ ref('int_conversations__reply_warmth') }}
),

final as (
    select
        agent_id,
        bool_and(post_id is not null) as is_brand_account,
        max(scorer_version) as scorer_version,
        count(*) as n_replies,
        count(*) filter (where status = 'scored') as n_scored_replies,
        count(*) filter (where status = 'too_short') as n_too_short_replies,
        count(*) filter (where status = 'language_not_scored') as n_language_not_scored_replies,
        count(*) filter (where status = 'empty') as n_empty_replies,
        count(*) filter (where status = 'no_text') as n_no_text_replies,
        coalesce(sum(warmth), 0)::decimal(18, 6) as sum_warmth,
        sum(warmth)::double / nullif(count(warmth), 0) as mean_warmth
    from replies
    group by agent_id
)

select * from final
