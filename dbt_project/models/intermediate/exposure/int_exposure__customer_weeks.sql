-- Opens and clicks never count: who opens is already interested.
with sends as (
    select * from {{ ref('int_exposure__campaign_sends') }}
),

posts as (
    select * from {{ ref('int_social__broadcasts') }}
),

follow_intervals as (
    select * from {{ ref('int_exposure__follow_intervals') }}
),

units as (
    select * from {{ ref('int_identity__customer_units') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

send_weeks as (
    select
        units.customer_unit_id as customer_id,
        sends.brand_id,
        {{ brand_week('sends.delivered_at', 'brands.time_zone') }} as week_start,
        count(*) filter (where not sends.is_holdout) as n_delivered_sends,
        count(*) filter (where sends.is_holdout) as n_holdout_sends,
        -- In a fixed order, so that sums do not depend on the order of rows.
        avg(sends.targeting_score order by sends.targeting_score) as mean_targeting_score,
        max(sends.targeting_score) as max_targeting_score
    from sends
    inner join units on sends.customer_id = units.customer_id
    inner join brands on sends.brand_id = brands.brand_id
    where sends.delivered_at <= brands.observed_end_at
    group by all
),

post_weeks as (
    select
        follow_intervals.customer_id,
        posts.brand_id,
        {{ brand_week('posts.created_at', 'brands.time_zone') }} as week_start,
        count(*) as n_reachable_posts,
        count(*) filter (where posts.is_scheduled) as n_scheduled_posts,
        count(*) filter (where posts.is_scheduled is null) as n_unknown_origin_posts
    from posts
    inner join follow_intervals
        on
            posts.source_id = follow_intervals.source_id
            and posts.account_id = follow_intervals.brand_account_id
            and posts.created_at >= follow_intervals.starts_at
            and posts.created_at < follow_intervals.ends_at
    inner join brands on posts.brand_id = brands.brand_id
    where posts.created_at <= brands.observed_end_at
    group by all
),

final as (
    select
        coalesce(send_weeks.customer_id, post_weeks.customer_id) as customer_id,
        coalesce(send_weeks.brand_id, post_weeks.brand_id) as brand_id,
        coalesce(send_weeks.week_start, post_weeks.week_start) as week_start,
        coalesce(send_weeks.n_delivered_sends, 0) as n_delivered_sends,
        coalesce(send_weeks.n_holdout_sends, 0) as n_holdout_sends,
        coalesce(post_weeks.n_reachable_posts, 0) as n_reachable_posts,
        coalesce(post_weeks.n_scheduled_posts, 0) as n_scheduled_posts,
        coalesce(post_weeks.n_unknown_origin_posts, 0) as n_unknown_origin_posts,
        send_weeks.mean_targeting_score,
        send_weeks.max_targeting_score
    from send_weeks
    full outer join post_weeks
        on
            send_weeks.customer_id = post_weeks.customer_id
            and send_weeks.brand_id = post_weeks.brand_id
            and send_weeks.week_start = post_weeks.week_start
)

select * from final
