"""What the last finished build had computed, so that the next one computes only what changed since."""

import duckdb

from pipelines.paths import Home
from pipelines.warehouse import connect

APPLIED = {
    "applied_tickets": "source_id varchar, ticket_id varchar, conversation_id varchar, fingerprint hugeint, is_running boolean",
    "applied_conversations": "conversation_id varchar, fingerprint hugeint, is_beyond_observation boolean",
}
# Rows of another code, engine or key can't be kept beside new ones.
BASIS = """
    select sha256(concat_ws('|', code_version, version(), hex(hmac_inner_pad), hide_agents)) as basis, as_of
    from run.context
"""


def begin_build(home: Home, memory_limit: str, full_refresh: bool) -> bool:
    """Note that a build has begun and decide how it may go on.

    Args:
        home: the home, its raw layer and run context written.
        memory_limit: DuckDB's memory limit.
        full_refresh: whether the user asks for everything anew.

    Returns:
        Whether everything must be computed anew: on the first build, on request, after a build that did not
        finish, with other code, engine or key, and when looking from an earlier instant than the last build.
    """
    with connect(home.build, memory_limit, home.temp) as connection:
        connection.begin()
        create_state(connection)
        row = connection.execute(
            f"""
            select count(*) from state.build as last, ({BASIS}) as this
            where last.is_finished and last.basis = this.basis and last.as_of <= this.as_of
            """
        ).fetchone()
        must_be_full = full_refresh or row is None or row[0] == 0
        connection.execute(f"create or replace table state.build as select *, false as is_finished from ({BASIS})")
        connection.commit()
    return must_be_full


def finish_build(home: Home, memory_limit: str) -> None:
    """Keep the build's fingerprints as the state that the next one compares with."""
    with connect(home.build, memory_limit, home.temp) as connection:
        connection.begin()
        for table in APPLIED:
            connection.execute(f"create or replace table state.{table} as from intermediate.int_changes__{table}")
        connection.execute("update state.build set is_finished = true")
        connection.commit()
        connection.execute("checkpoint")


def create_state(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of the state where they are missing: before the first build nothing is known."""
    connection.execute("create schema if not exists state")
    connection.execute("create table if not exists state.build (basis varchar, as_of timestamptz, is_finished boolean)")
    for table, columns in APPLIED.items():
        connection.execute(f"create table if not exists state.{table} ({columns})")
