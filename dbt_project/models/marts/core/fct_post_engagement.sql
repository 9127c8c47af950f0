-- Engagement as it stood at a stated age, so that old and young posts compare. The last snapshot up to that age
-- speaks for it, if it was taken in the second half of the span: before, it says too little about the age.
with posts as (
    select * from {{ ref('int_social__posts') }}
    where is_brand_author and not is_deleted
),

broadcasts as (
    select * from {{ ref('int_social__broadcasts') }}
),

brands as (
    select * from {{ ref('int_brands') }}
),

snapshots as (
    select * from {{ ref('input_social__post_metrics') }}
    where deleted_at is null
),

ages as (
    select unnest([24, 24 * 7]) as age_hours
),

due as (
    select
        posts.source_id,
        posts.post_id,
        posts.author_brand_id as brand_id,
        posts.created_at,
        ages.age_hours,
        posts.created_at + to_hours(ages.age_hours) as due_at,
        posts.created_at + to_hours(ages.age_hours) > brands.observed_end_at as is_censored
    from posts
    cross join ages
    left join brands on posts.author_brand_id = brands.brand_id
),

measured as (
    select
        due.age_hours,
        snapshots.*
    from due
    inner join snapshots
        on
            due.source_id = snapshots.source_id
            and due.post_id = snapshots.post_id
            and due.due_at >= snapshots.measured_at
            and due.due_at - to_hours(due.age_hours // 2) <= snapshots.measured_at
    where not due.is_censored
    qualify row_number() over (
        partition by due.source_id, due.post_id, due.age_hours
        order by snapshots.measured_at desc
    ) = 1
),

final as (
    select
        due.source_id,
        due.post_id,
        due.brand_id,
        due.created_at,
        due.age_hours,
        broadcasts.post_id is not null as is_broadcast,
        measured.measured_at,
        {{ seconds_between('due.created_at', 'measured.measured_at') }} as measured_age_calendar_seconds,
        measured.likes,
        measured.replies,
        measured.reposts,
        measured.quotes,
        measured.impressions,
        measured.clicks,
        due.is_censored
    from due
    left join broadcasts
        on due.source_id = broadcasts.source_id and due.post_id = broadcasts.post_id
    left join measured
        on
            due.source_id = measured.source_id
            and due.post_id = measured.post_id
            and due.age_hours = measured.age_hours
)

select * from final
