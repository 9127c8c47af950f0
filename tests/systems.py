"""A source system's staging without dbt: its models rendered by Jinja and made as views over what a sync has landed.

Enough to test a connector's way from the API to canonical rows in a second. That dbt renders the same is tested once, for
every system, by building the project with all of them on.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from pipelines.contract import tables
from pipelines.landing import Landing
from pipelines.paths import DBT_PROJECT
from pipelines.raw_systems import load_system
from pipelines.sources.kit.endpoints import System
from pipelines.sql import identifier

STAGING = DBT_PROJECT / "models" / "staging"
MACROS = ("every_source.sql", "html_text.sql")


def staged(system: System, landing: Landing, source_id: str, as_of: datetime | None = None) -> duckdb.DuckDBPyConnection:
    """A database with the raw tables of a source and the views `stg_<system>__<table>` of its staging folder."""
    connection = duckdb.connect(":memory:")
    connection.execute("set TimeZone = 'UTC'; create schema raw; create schema run")
    connection.execute(
        "create table run.load_counts (source_id varchar, table_name varchar, rows_in bigint, dropped bigint, reason varchar);"
        "create table run.quarantine (source_id varchar, table_name varchar, file_name varchar, row_number bigint,"
        " column_name varchar, value varchar, reason varchar)"
    )
    load_system(connection, landing, system, landing.loads(source_id), as_of or datetime.now(UTC))
    rendered = {path.stem: _render(path) for path in sorted((STAGING / system.name).glob("stg_*.sql"))}
    while rendered:
        # A model may read another of the same folder.
        ready = [name for name, sql in rendered.items() if not any(other in sql for other in rendered if other != name)]
        assert ready, f"models of {system.name} read each other in a circle: {sorted(rendered)}"
        for name in ready:
            connection.execute(f"create view {name} as {rendered.pop(name)}")
    return connection


def canonical(connection: duckdb.DuckDBPyConnection, system: System) -> dict[str, list[dict[str, Any]]]:
    """Rows of every canonical table that the system's staging fills, held against the contract, in the order of the key.

    Raises:
        AssertionError: a column outside the contract or not castable to its type, an empty cell that must be filled, a key twice.
    """
    found = {}
    for path in sorted((STAGING / system.name).glob("stg_*.sql")):
        table = tables()[path.stem.partition("__")[2]]
        types = {column.name: column.data_type for column in table.columns}
        names = [name for name, *_ in connection.execute(f"describe {path.stem}").fetchall()]
        assert set(names) <= set(types), f"{path.stem} has columns that {table.name} does not know: {set(names) - set(types)}"
        cast = ", ".join(f"{identifier(name)}::{types[name]} as {identifier(name)}" for name in names)
        keys = ["source_id", *table.key]
        query = f"select {cast} from {path.stem} order by {', '.join(keys)}"
        rows = _rows(connection, query)
        for column in table.columns:
            empty = [row for row in rows if column.is_filled and row.get(column.name) is None]
            assert not empty, f"{path.stem}.{column.name} is empty, e.g. {empty[0]}"
        assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows), f"{path.stem} has a key twice"
        found[table.name] = rows
    return found


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _render(path: Path) -> str:
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    calls: dict[str, Any] = {
        "source": lambda schema, name: f"raw.{name}" if schema != "run" else f"run.{name}",
        "ref": lambda name: name,
        "env_var": lambda _name, default="": default,
        "return": lambda value: value,
    }
    environment.globals.update(calls)
    for name in MACROS:
        module = environment.from_string((DBT_PROJECT / "macros" / name).read_text()).make_module(calls)
        environment.globals.update({key: value for key, value in vars(module).items() if not key.startswith("_")})
    return environment.from_string(path.read_text()).render()
