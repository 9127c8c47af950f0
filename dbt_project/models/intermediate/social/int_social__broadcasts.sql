-- Brand posts that answer nobody. A thread of the brand's own posts counts once, at its first post.
with posts as (
    select * from {{ ref('int_social__posts') }}
),

scheduler_apps as (
    select lower(app_name) as app_name from {{ ref('scheduler_apps') }}
),

-- Some platforms wrap the application's name in a link.
named as (
    select
        *,
        lower(trim(regexp_replace(client_app, '<[^>]*>', '', 'g'))) as app_name
    from posts
    where
        is_brand_author
        and not is_deleted
        and not is_reply
),

-- An app that is not on the list proves nothing: unknown, never organic.
final as (
    select
        named.source_id,
        named.post_id,
        named.account_id,
        named.author_brand_id as brand_id,
        named.created_at,
        coalesce(named.is_scheduled, case when scheduler_apps.app_name is not null then true end) as is_scheduled
    from named
    left join scheduler_apps on named.app_name = scheduler_apps.app_name
)

select * from final
