"""The published snapshot without a person, until the next run builds it anew: what is of that person alone goes at once."""

from collections.abc import Sequence

import duckdb

from pipelines.files_io import replace_durably
from pipelines.paths import Home
from pipelines.publishing import STORAGE_VERSION
from pipelines.sql import identifier, literal

ID_COLUMNS = ("customer_id", "customer_unit_id", "author_id")
RECORD_COLUMNS = ("ticket_id", "post_id")


def clean_snapshot(home: Home, customer_ids: Sequence[str] | None, build_id: str) -> None:
    """Replace the snapshot by a copy without a person's rows; sums over many persons stay until the next run.

    Args:
        home: the home.
        customer_ids: published ids of the person; None where nobody knows them: then the snapshot is withdrawn.
        build_id: of the copy.
    """
    if customer_ids is None:
        home.snapshot.unlink(missing_ok=True)
        home.report.unlink(missing_ok=True)
        return
    if not customer_ids or not home.snapshot.exists():
        return
    home.candidate.unlink(missing_ok=True)
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach {literal(home.snapshot)} as old (read_only)")
        connection.execute(f"attach {literal(home.candidate)} as new (storage_version '{STORAGE_VERSION}')")
        columns = _columns(connection)
        _find_records(connection, columns, customer_ids)
        for (schema, table), names in columns.items():
            _copy(connection, f"{identifier(schema)}.{identifier(table)}", names, build_id)
        _copy_comments(connection)
        connection.execute("checkpoint new")
        connection.execute("detach new")
    replace_durably(home.candidate, home.snapshot)


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], list[str]]:
    query = "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() where database_name = 'old'"
    found = connection.execute(f"{query} and not internal group by all order by all").fetchall()
    return {(schema, table): names for schema, table, names in found}


def _find_records(connection: duckdb.DuckDBPyConnection, columns: dict[tuple[str, str], list[str]], customer_ids: Sequence[str]) -> None:
    """Fill `persons` (id) and `records` (source, column, id) with the person's tickets and posts."""
    connection.execute("create temp table persons as select unnest(?::varchar[]) as id", [list(customer_ids)])
    connection.execute("create temp table records (source_id varchar, name varchar, id varchar)")
    for schema, table in (("core", "fct_tickets"), ("core", "fct_mentions")):
        for name in RECORD_COLUMNS:
            if {"customer_id", "source_id", name} <= set(columns.get((schema, table), ())):
                connection.execute(
                    f"insert into records select distinct source_id, '{name}', {name} from old.{schema}.{table}"
                    f" where customer_id in (from persons) and {name} is not null"
                )


def _copy(connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], build_id: str) -> None:
    tests = [f"{name} in (from persons)" for name in ID_COLUMNS if name in names]
    for name in RECORD_COLUMNS:
        if name in names:
            of, ids = (f"(source_id, {name})", "source_id, id") if "source_id" in names else (name, "id")
            tests.append(f"{of} in (select {ids} from records where name = '{name}')")
    goes = " or ".join(f"coalesce({test}, false)" for test in tests) or "false"
    replaced = f" replace ({literal(build_id)} as build_id)" if table == '"meta"."build"' else ""
    schema = table.partition(".")[0]
    connection.execute(f"create schema if not exists new.{schema}")
    connection.execute(f"create table new.{table} as select *{replaced} from old.{table} where not ({goes})")


def _copy_comments(connection: duckdb.DuckDBPyConnection) -> None:
    tables = "select schema_name, table_name, comment from duckdb_tables() where database_name = 'old' and comment is not null"
    for schema, table, comment in connection.execute(tables).fetchall():
        connection.execute(f"comment on table new.{identifier(schema)}.{identifier(table)} is {literal(comment)}")
    columns = (
        "select schema_name, table_name, column_name, comment from duckdb_columns() where database_name = 'old' and comment is not null"
    )
    for schema, table, column, comment in connection.execute(columns).fetchall():
        name = f"new.{identifier(schema)}.{identifier(table)}.{identifier(column)}"
        connection.execute(f"comment on column {name} is {literal(comment)}")
