"""The raw layer of source systems: one table per endpoint, every landed version of every record."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb

from pipelines.landing import LandedFile, Landing, Load
from pipelines.sources.kit.endpoints import Endpoint, System
from pipelines.sources.kit.known import landed_query
from pipelines.sources.kit.rows import columns_of
from pipelines.sql import identifier, literal

EARLIEST_YEAR = 1990
CLOCK_SKEW = timedelta(days=1)
OUTSIDE = f"outside {EARLIEST_YEAR} to one day past as_of"
_REASON = f"timestamp {OUTSIDE}"
ERASED = "erased at the person''s request"


def load_system(connection: duckdb.DuckDBPyConnection, landing: Landing, system: System, loads: list[Load], as_of: datetime) -> None:
    """Replace the raw tables of one source system by all that was landed.

    Rows with a timestamp that can't be true go to `run.quarantine`, with counts in `run.load_counts`.

    Args:
        connection: the build database, in the caller's transaction.
        landing: the home's landing folder.
        system: which.
        loads: complete loads, oldest first; those of other systems are skipped.
        as_of: the instant that the run looks from.
    """
    for endpoint in system.endpoints:
        name = system.raw_table(endpoint)
        columns = ", ".join(f"{identifier(column)} {data_type}" for column, data_type in columns_of(endpoint).items())
        added = "_row_number bigint, _load_id varchar, _landed_at timestamptz"
        connection.execute(f"create or replace table raw.{name} (source_id varchar, {columns}, {added})")
        for load in loads:
            if load.system == system.name and name in load.tables:
                _load_file(connection, landing, endpoint, name, load, load.tables[name], as_of)
        _count(connection, endpoint, name)
        for source_id in sorted({load.source_id for load in loads if load.system == system.name}):
            own = [load.tables[name].erased for load in loads if load.source_id == source_id and name in load.tables]
            count_erased(connection, name, source_id, sum(own))


def _load_file(
    connection: duckdb.DuckDBPyConnection, landing: Landing, endpoint: Endpoint, name: str, load: Load, landed: LandedFile, as_of: datetime
) -> None:
    columns = ", ".join(identifier(column) for column in columns_of(endpoint))
    rows = landed_query(connection, endpoint, landing.root / landed.path)
    connection.execute(
        f"create or replace temp view landed as"
        f" select {literal(load.source_id)} as source_id, {columns}, file_row_number + 1 as _row_number from ({rows})"
    )
    within = {each.name: possible_instants(each.name, each.may_be_future, as_of) for each in endpoint.fields if each.type == "timestamp"}
    refused = " or ".join(f"coalesce(not ({each}), false)" for each in within.values()) or "false"
    connection.execute(
        f"insert into raw.{name} by name select *, ? as _load_id, ?::timestamptz as _landed_at from landed where not ({refused})",
        [load.load_id, load.finished_at],
    )
    for column, possible in within.items():
        connection.execute(
            f"insert into run.quarantine select source_id, ?, ?, _row_number, ?, {identifier(column)}::varchar, ?"
            f" from landed where not ({possible})",
            [name, landed.path, column, _REASON],
        )


def _count(connection: duckdb.DuckDBPyConnection, endpoint: Endpoint, name: str) -> None:
    """What was landed, and why fewer records than rows go on."""
    keys = ", ".join(identifier(column) for column in endpoint.key)
    rows = "count(distinct (file_name, row_number))"
    refused = f"select source_id, {rows} as n from run.quarantine where table_name = '{name}' group by source_id"
    connection.execute(
        f"""
        insert into run.load_counts
        with kept as (
            select source_id, count(*) as n_rows, count(distinct ({keys})) as n_records from raw.{name} group by source_id
        ),
        refused as ({refused}),
        counted as (
            select
                source_id, coalesce(n_rows, 0) + coalesce(n, 0) as n_in, coalesce(n, 0) as n_refused,
                coalesce(n_rows - n_records, 0) as n_older
            from kept full join refused using (source_id)
        )
        select source_id, '{name}', n_in, n_refused, '{_REASON}' from counted
        union all
        select source_id, '{name}', n_in, n_older, 'older version of the same record' from counted
        """
    )


def count_erased(connection: duckdb.DuckDBPyConnection, table: str, source_id: str, n_erased: int) -> None:
    """Count rows that left landing at a person's request as landed and left out; nothing is written where there are none."""
    if not n_erased:
        return
    connection.execute(
        "update run.load_counts set rows_in = rows_in + ? where source_id = ? and table_name = ?", [n_erased, source_id, table]
    )
    connection.execute(
        f"""
        insert into run.load_counts
        select ?, ?, coalesce(max(rows_in), ?), ?, '{ERASED}' from run.load_counts where source_id = ? and table_name = ?
        """,
        [source_id, table, n_erased, n_erased, source_id, table],
    )


def possible_instants(column: str, may_be_future: bool, as_of: datetime) -> str:
    """SQL that holds for instants that can be true; planned instants have no upper bound."""
    name = identifier(column)
    within = f"{name} >= timestamptz '{EARLIEST_YEAR}-01-01 00:00:00+00'"
    if not may_be_future:
        within += f" and {name} <= timestamptz '{(as_of + CLOCK_SKEW).isoformat()}'"
    return f"({within})"


def make_views_of_every_source(connection: duckdb.DuckDBPyConnection, tables: Sequence[str], systems: Sequence[str] = ()) -> None:
    """Temporary views `every_<table>`: a canonical table's raw rows of files, and the staged ones of source systems.

    Args:
        connection: the build database.
        tables: canonical tables.
        systems: source systems in use, whose staging views are there.
    """
    views = "select view_name from duckdb_views() where schema_name = 'staging'"
    there = {name for (name,) in connection.execute(views).fetchall()}
    for table in tables:
        staged = [f"stg_{system}__{table}" for system in systems if f"stg_{system}__{table}" in there]
        parts = [f"from raw.files__{table}", *(f"select * from staging.{name}" for name in staged)]
        connection.execute(f"create or replace temp view every_{table} as {' union all by name '.join(parts)}")
