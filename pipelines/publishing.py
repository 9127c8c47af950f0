"""The published snapshot: the one file that people and BI tools read."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.dbt import published_models
from pipelines.files_io import replace_durably
from pipelines.paths import Home
from pipelines.plan import FrozenPlan
from pipelines.plan_history import Publication, append_publication, plan_text, plan_uses, read_history, write_plan_history
from pipelines.sql import literal
from pipelines.warehouse import connect

# BI tools bring older DuckDB versions; this storage format opens in 1.4 and later.
STORAGE_VERSION = "v1.4.0"
BUILD_COLUMNS = {
    "build_id": "Identifier of this publication; a new one every time.",
    "run_id": "Hash of data, plan, code, seed and as_of: equal ids mean equal content.",
    "as_of": "Instant that the run looks from.",
    "published_at": "When the snapshot was made (UTC).",
    "code_version": "Version of the code.",
    "plan_sha": "SHA-256 of the frozen analysis plan.",
    "data_sha": "SHA-256 over the input files.",
    "duckdb_version": "Version of DuckDB that wrote the file.",
}


def write_candidate(home: Home, manifest: Path, frozen: FrozenPlan, build_id: str, published_at: datetime, memory_limit: str) -> int:
    """Copy the published schemas from the build database into a compact file beside the snapshot.

    Rows are sorted by each table's grain, and every table and column carries its description.

    Returns:
        Rows written.

    Raises:
        TwowayError: the plan was changed while the run was under way.
    """
    home.candidate.unlink(missing_ok=True)
    models = published_models(manifest)
    with connect(home.build, memory_limit, home.temp) as connection:
        connection.execute(f"attach {literal(home.candidate)} as candidate (storage_version '{STORAGE_VERSION}')")
        for schema in sorted({model["schema"] for model in models}):
            connection.execute(f"create schema candidate.{schema}")
        rows = sum(_copy(connection, model) for model in models)
        _write_build(connection, build_id, published_at)
        present = _present(connection, frozen, published_at)
        write_plan_history(connection, "candidate.meta.plan_history", plan_uses([*read_history(home), present]))
        connection.execute("checkpoint candidate")
        connection.execute("detach candidate")
    return rows


def publish(home: Home, frozen: FrozenPlan, memory_limit: str) -> None:
    """Put the candidate in the snapshot's place: whoever holds the old file open keeps reading it whole.

    The plan's history is written first: a verdict that nobody saw may stand in it, but none is missing from it.
    """
    with connect(home.build, memory_limit, home.temp, read_only=True) as connection:
        connection.execute(f"attach {literal(home.candidate)} as candidate (read_only)")
        ((published_at,),) = connection.execute("select published_at from candidate.meta.build").fetchall()
        append_publication(home, _present(connection, frozen, published_at))
    replace_durably(home.candidate, home.snapshot)


def _present(connection: duckdb.DuckDBPyConnection, frozen: FrozenPlan, published_at: datetime) -> Publication:
    ((plan_sha, data_sha),) = connection.execute("select plan_sha, data_sha from run.context").fetchall()
    sources = connection.execute("select distinct source_id from run.applied_loads order by source_id").fetchall()
    return Publication(plan_sha, plan_text(frozen, plan_sha), published_at, data_sha, tuple(source for (source,) in sources))


def _copy(connection: duckdb.DuckDBPyConnection, model: Mapping[str, Any]) -> int:
    table = f"{model['schema']}.{model['name']}"
    grain = ", ".join(f'"{column}"' for column in model["config"]["meta"].get("grain", [])) or "all"
    connection.execute(f"create table candidate.{table} as from build.{table} order by {grain}")
    connection.execute(f"comment on table candidate.{table} is {literal(model['description'])}")
    for column in model["columns"].values():
        connection.execute(f'comment on column candidate.{table}."{column["name"]}" is {literal(column["description"])}')
    row = connection.execute(f"select count(*) from candidate.{table}").fetchone()
    return row[0] if row else 0


def _write_build(connection: duckdb.DuckDBPyConnection, build_id: str, published_at: datetime) -> None:
    connection.execute(
        """
        create table candidate.meta.build as
        select ?::varchar as build_id, run_id, as_of, ?::timestamptz as published_at, code_version, plan_sha, data_sha,
            version() as duckdb_version
        from build.run.context
        """,
        [build_id, published_at],
    )
    connection.execute("comment on table candidate.meta.build is 'One row: this publication.'")
    for column, description in BUILD_COLUMNS.items():
        connection.execute(f"comment on column candidate.meta.build.{column} is {literal(description)}")
