"""Map the facts of 39 open standards projects to the canonical files that ship with the product.

    python scripts/map_communities.py --facts FOLDER [--out pipelines/bundled/communities]

The facts are five Parquet files (issues, comments, broadcasts, people, projects), described in the
bundled folder's README. Running this again on the same facts writes the same rows.
"""

import argparse
from pathlib import Path

import duckdb

FACTS = ("issues", "comments", "broadcasts", "people", "projects")

# Facts have naive UTC times; every mapped time says so. Rows are sorted so that files compress well
# and come out the same every time.
TABLES = {
    "brands": """
        select project as brand_id, project as name, 'UTC' as time_zone, timezone('UTC', archive_timestamp) as observed_until
        from projects
        order by brand_id
    """,
    "support_users": """
        select
            project || '/' || person as user_id,
            case role when 'bot' then 'system' when 'unmatched_committer' then 'unknown' else role end as role,
            role = 'bot' as is_bot,
            person as external_id
        from people
        union all
        select distinct project || '/unknown', 'unknown', false, null
        from actions
        where author is null
        order by user_id
    """,
    "support_tickets": """
        select
            project || '#' || number as ticket_id,
            timezone('UTC', created_at) as created_at,
            project || '/' || coalesce(author, 'unknown') as requester_id,
            project as brand_id,
            'other' as channel,
            kind as queue,
            case when closed_at is null then 'open' else 'solved' end as status,
            coalesce(author_role = 'agent', false) as is_proactive
        from issues
        order by project, number
    """,
    "support_ticket_changes": """
        select
            project || '#' || number || ':closed' as change_id,
            project || '#' || number as ticket_id,
            timezone('UTC', closed_at) as changed_at,
            'status' as field,
            'open' as old_value,
            'solved' as new_value
        from issues
        where closed_at is not null
        order by project, number
    """,
    "support_messages": """
        select
            message_id,
            project || '#' || number as ticket_id,
            project || '/' || coalesce(author, 'unknown') as author_id,
            timezone('UTC', created_at) as sent_at,
            true as is_public,
            channel
        from actions
        order by project, number, created_at, message_id
    """,
    "social_accounts": """
        select project as account_id, 'github' as platform, project as handle, true as is_brand, project as brand_id
        from projects
        order by account_id
    """,
    "social_posts": """
        select
            project || '@' || kind || '-' || doc || '-' || rev as post_id,
            project as account_id,
            timezone('UTC', "at") as created_at
        from broadcasts
        where kind in ('draft_tag', 'docname_bump')
        order by project, created_at, post_id
    """,
    "outcome_events": """
        select
            message_id as event_id,
            project || '/' || coalesce(author, 'unknown') as user_id,
            project as brand_id,
            project || '#' || number as ticket_id,
            timezone('UTC', created_at) as occurred_at,
            'participation' as kind
        from actions
        order by project, number, created_at, message_id
    """,
}

ACTIONS = """
    create view actions as
    select project, number, project || '#' || number || ':o' as message_id, 'opening' as channel, author, created_at
    from issues
    union all
    select
        project,
        number,
        project || '#' || number || ':' || seq || case when tie > 1 then '.' || tie else '' end as message_id,
        kind as channel,
        author,
        created_at
    from (select *, row_number() over (partition by project, number, seq order by created_at, kind, author) as tie from comments)
"""


def map_facts(facts: Path, out: Path) -> dict[str, int]:
    """Write the canonical files; return rows by table."""
    out.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in FACTS:
            connection.read_parquet(str(facts / f"{name}.parquet")).create_view(name)
        connection.execute(ACTIONS)
        for table, query in TABLES.items():
            connection.execute(
                f"copy ({query}) to '{out / table}.parquet' (format parquet, compression zstd, compression_level 19, row_group_size 100000)"
            )
            counted = connection.execute(f"select count(*) from '{out / table}.parquet'").fetchone()
            rows[table] = counted[0] if counted else 0
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--facts", type=Path, required=True, help="folder with the five Parquet files of facts")
    parser.add_argument("--out", type=Path, default=Path("pipelines/bundled/communities"), help="folder to write to")
    arguments = parser.parse_args()
    for table, rows in map_facts(arguments.facts, arguments.out).items():
        print(f"{table}: {rows:,} rows")


if __name__ == "__main__":
    main()
