"""Scores of agents' replies beside the raw layer: before dbt, because SQL can't score and Python need not see dbt's tables."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from pipelines.raw_systems import make_views_of_every_source
from pipelines.warmth.scorer import SCORER_VERSION, fingerprint, score

SCORES = "run.message_warmth"
COLUMNS = {
    "system": "varchar",
    "source_id": "varchar",
    "message_id": "varchar",
    "warmth": "double",
    "status": "varchar",
    "scorer_version": "varchar",
}
TEXTS_A_BATCH = 2_000
TABLES = ("support_users", "support_user_role_changes", "social_accounts", "support_messages", "social_posts")

# Whoever is, was or may have been on the staff, so that no human reply is missed; dbt decides who an author was at the
# time. Machines are left out. The newest version of a message counts, as in staging.
TEXTS = """
    with staff as (
        select source_id, user_id from every_support_users where role in ('agent', 'admin') and not coalesce(is_bot, false)
        union
        select source_id, user_id from every_support_user_role_changes
    ),

    brand_accounts as (
        select distinct source_id, account_id from every_social_accounts where is_brand
    ),

    messages as (
        select 'support_messages' as system, source_id, message_id, author_id, body, is_public, deleted_at
        from every_support_messages
        qualify row_number() over (
            partition by source_id, message_id order by updated_at desc nulls last, _load_id desc, _row_number desc
        ) = 1
    ),

    posts as (
        select 'social_posts' as system, source_id, post_id as message_id, account_id as author_id, text as body, deleted_at
        from every_social_posts
        qualify row_number() over (
            partition by source_id, post_id order by updated_at desc nulls last, _load_id desc, _row_number desc
        ) = 1
    )

    select system, source_id, message_id, body
    from messages
    semi join staff on messages.source_id = staff.source_id and messages.author_id = staff.user_id
    where body is not null and is_public and deleted_at is null
    union all
    select system, source_id, message_id, body
    from posts
    semi join brand_accounts on posts.source_id = brand_accounts.source_id and posts.author_id = brand_accounts.account_id
    where body is not null and deleted_at is null
"""


def create_scores_table(connection: duckdb.DuckDBPyConnection) -> None:
    """An empty table of scores, as it stays where no message has a text."""
    columns = ", ".join(f"{name} {data_type}" for name, data_type in COLUMNS.items())
    connection.execute(f"create or replace table {SCORES} ({columns})")


def write_message_warmth(connection: duckdb.DuckDBPyConnection, systems: Sequence[str] = ()) -> int:
    """Replace `run.message_warmth` by the scores of all texts that agents and brands wrote in public.

    Each different text is scored once. `state.warmth_texts` keeps scores by the hash of the text for the next run, as
    long as the scorer is the same and the text is still there; it keeps no text.

    Args:
        connection: the build database, its raw layer loaded and the systems' staging made.
        systems: source systems in use.

    Returns:
        Texts scored now, not taken from the run before.
    """
    create_scores_table(connection)
    make_views_of_every_source(connection, TABLES, systems)
    connection.execute(
        "create schema if not exists state;"
        "create table if not exists state.warmth_texts (body_sha varchar, scorer_sha varchar, warmth double, status varchar)"
    )
    connection.execute(f"create or replace temp table warmth_messages as select * replace (sha256(body) as body) from ({TEXTS})")
    connection.execute(
        "delete from state.warmth_texts where scorer_sha <> ? or body_sha not in (select body from warmth_messages)", [fingerprint()]
    )
    n_scored = _score_new_texts(connection)
    connection.execute(
        f"""
        insert into {SCORES}
        select messages.system, messages.source_id, messages.message_id, texts.warmth, texts.status, ?
        from warmth_messages as messages
        inner join state.warmth_texts as texts on messages.body = texts.body_sha
        order by messages.system, messages.source_id, messages.message_id
        """,
        [SCORER_VERSION],
    )
    connection.execute("drop table warmth_messages")
    return n_scored


def _score_new_texts(connection: duckdb.DuckDBPyConnection) -> int:
    connection.execute(
        f"""
        create or replace temp table warmth_new as
        select row_number() over (order by body_sha) as number, body_sha, body
        from (
            select sha256(body) as body_sha, any_value(body) as body from ({TEXTS})
            where sha256(body) not in (select body_sha from state.warmth_texts)
            group by body_sha
        )
        order by number
        """
    )
    row = connection.execute("select count(*) from warmth_new").fetchone()
    n_texts = row[0] if row else 0
    for first in range(1, n_texts + 1, TEXTS_A_BATCH):
        batch = connection.execute("select body_sha, body from warmth_new where number between ? and ?", [first, first + TEXTS_A_BATCH - 1])
        rows = [(sha, fingerprint(), found.warmth, found.status) for sha, body in batch.fetchall() for found in [score(body)]]
        frame = pa.table(list(zip(*rows, strict=True)), names=["body_sha", "scorer_sha", "warmth", "status"])
        connection.register("warmth_batch", frame)
        connection.execute("insert into state.warmth_texts select body_sha, scorer_sha, warmth::double, status from warmth_batch")
        connection.unregister("warmth_batch")
    connection.execute("drop table warmth_new")
    return n_texts
