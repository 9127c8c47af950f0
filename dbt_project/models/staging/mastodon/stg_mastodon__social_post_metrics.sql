select
    source_id,
    id as post_id,
    _landed_at as measured_at,
    favourites_count as likes,
    replies_count as replies,
    reblogs_count as reposts,
    quotes_count as quotes
from {{ source('mastodon', 'mastodon__posts') }}
where not _is_deleted and visibility in ('public', 'unlisted')
qualify row_number() over (partition by source_id, id, _landed_at order by _row_number desc) = 1
