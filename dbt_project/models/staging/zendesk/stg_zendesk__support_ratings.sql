-- Good or bad, with or without a comment; offered and not answered has no score.
select
    source_id,
    id as rating_id,
    ticket_id,
    case
        when score in ('good', 'good_with_comment') then 1.0
        when score in ('bad', 'bad_with_comment') then 0.0
    end as score,
    0.0 as scale_min,
    1.0 as scale_max,
    created_at as offered_at,
    case when score not in ('offered', 'unoffered') then updated_at end as rated_at,
    updated_at,
    _deleted_at as deleted_at
from ({{ newest_record(source('zendesk', 'zendesk__satisfaction_ratings'), ['id'], 'updated_at') }})
where score <> 'unoffered'
