"""The dbt models in memory: compiled once by dbt, then run by DuckDB on rows that a test makes up.

A test can so hold forty models against an oracle in a fraction of a second, without files, landing or a dbt process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl

from pipelines.contract import tables
from pipelines.dbt import dbt_environment
from pipelines.landing import Landing
from pipelines.paths import DBT_PROJECT, DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.sql import identifier, literal
from pipelines.state import create_state
from pipelines.warehouse import RunContext, load_raw

Rows = pl.DataFrame | Sequence[Mapping[str, Any]]
"""Rows of one canonical table: columns that are left out are NULL."""

LANDED_AT = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Model:
    """One compiled model; `parents` are names of models."""

    name: str
    schema: str
    is_view: bool
    sql: str
    parents: tuple[str, ...]


@dataclass(frozen=True)
class CompiledProject:
    """The models of the dbt project as DuckDB runs them in a database that holds nothing yet."""

    models: Mapping[str, Model]
    seeds: tuple[tuple[str, Path], ...] = ()

    @classmethod
    def compile(cls, folder: Path) -> Self:
        """Compile the project with a build database and a target folder in `folder`; about twenty seconds.

        Raises:
            RuntimeError: dbt could not compile; holds dbt's own words.
        """
        home = Home(folder)
        home.prepare()
        command = [sys.executable, "-m", "dbt.cli.main", "compile", "--quiet", "--full-refresh", "--select", "resource_type:model"]
        command += ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT), "--target-path", str(folder / "target")]
        compiled = subprocess.run(command, env={**os.environ, **dbt_environment(home, "1GB")}, capture_output=True, text=True, check=False)
        if compiled.returncode != 0:
            raise RuntimeError(f"dbt could not compile {DBT_PROJECT}:\n{compiled.stdout}{compiled.stderr}")
        return cls.read(folder / "target" / "manifest.json")

    @classmethod
    def read(cls, manifest: Path) -> Self:
        """Take the models from the manifest that `dbt compile` wrote."""
        nodes = json.loads(manifest.read_text())["nodes"]
        names = {key: node["name"] for key, node in nodes.items() if node["resource_type"] == "model"}
        models = (
            Model(
                name=name,
                schema=nodes[key]["schema"],
                is_view=nodes[key]["config"]["materialized"] == "view",
                sql=nodes[key]["compiled_code"],
                parents=tuple(names[parent] for parent in nodes[key]["depends_on"]["nodes"] if parent in names),
            )
            for key, name in names.items()
        )
        seeds = tuple(
            (node["schema"], DBT_PROJECT / node["original_file_path"]) for node in nodes.values() if node["resource_type"] == "seed"
        )
        return cls({model.name: model for model in models}, seeds)

    def ancestry(self, wanted: Iterable[str]) -> list[Model]:
        """The wanted models and everything that they read, parents first."""
        ordered: dict[str, Model] = {}

        def visit(name: str) -> None:
            if name not in ordered:
                for parent in self.models[name].parents:
                    visit(parent)
                ordered[name] = self.models[name]

        for name in wanted:
            visit(name)
        return list(ordered.values())


class Warehouse:
    """A build database in memory that holds what is asked of it.

    Args:
        project: the compiled models.
        wanted: models that tests read; they and their ancestors are built, nothing else.
        threads: DuckDB's; one is the fastest for a handful of rows.
        plan: the frozen plan that models read.
    """

    def __init__(self, project: CompiledProject, *wanted: str, threads: int = 1, plan: Path = DEFAULT_PLAN) -> None:
        self.project = project
        self.plan = load_plan(plan)
        self.models = project.ancestry(wanted)
        self.connection = duckdb.connect(":memory:", config={"preserve_insertion_order": False, "threads": threads})
        self.connection.execute("set TimeZone = 'UTC'; attach ':memory:' as build; use build")
        for schema in sorted({model.schema for model in self.models}):
            self.connection.execute(f"create schema {identifier(schema)}")
        self._as_of: datetime | None = None
        self._filled: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def fill(self, rows: Mapping[str, Rows], as_of: datetime) -> None:
        """Replace the raw layer by these rows, in their order, and build all models.

        Args:
            rows: rows by canonical table; tables that are left out are empty. A row without `source_id` is of source `s`.
            as_of: the instant that the run looks from.
        """
        if as_of != self._as_of:
            context = RunContext(as_of=as_of, loads=[], plan=self.plan, person_key=b"key", hide_agents=False)
            load_raw(self.connection, Landing(Path(os.devnull)), context)
            self._prepare()
        for table in self._filled:
            self.connection.execute(f"delete from {_raw(table)}")
        # Noted first: a fill that fails half way must leave nothing behind in the next one.
        self._as_of, self._filled = as_of, tuple(rows)
        for table, found in rows.items():
            self._insert(table, found)
        self.build()

    def copy(self, build: Path) -> None:
        """Take the raw layer and the run's tables of a build database and build all models anew from them."""
        self.connection.execute(f"attach {literal(build)} as copied (read_only)")
        found = self.connection.execute(
            "select schema_name, table_name from duckdb_tables where database_name = 'copied' and schema_name in ('raw', 'run')"
        ).fetchall()
        for schema, table in found:
            self.connection.execute(f"create schema if not exists {schema}")
            self.connection.execute(f"create or replace table {schema}.{table} as from copied.{schema}.{table}")
        self.connection.execute("detach copied")
        self._prepare()
        self.build()

    def build(self) -> None:
        """Build all models anew from what the raw layer and the run's tables hold."""
        for model in self.models:
            self._build(model)

    def _prepare(self) -> None:
        """What models read that is neither raw nor a model: no earlier build, and the seeds."""
        create_state(self.connection)
        for schema, path in self.project.seeds:
            self.connection.execute(f"create schema if not exists {schema}")
            self.connection.execute(
                f"create or replace table {schema}.{identifier(path.stem)} as from read_csv({literal(path)}, all_varchar = true)"
            )

    def frame(self, query: str) -> pl.DataFrame:
        """Result of a query; instants are in UTC."""
        result = pl.from_arrow(self.connection.sql(query).to_arrow_table())
        assert isinstance(result, pl.DataFrame)
        return result

    def _insert(self, table: str, rows: Rows) -> None:
        if len(rows) == 0:
            return
        frame = rows if isinstance(rows, pl.DataFrame) else pl.from_dicts([dict(row) for row in rows], infer_schema_length=None)
        source = pl.col("source_id") if "source_id" in frame.columns else pl.lit("s")
        landed = frame.with_columns(
            source.alias("source_id"),
            pl.int_range(1, pl.len() + 1).alias("_row_number"),
            _loader=pl.lit("s"),
            _load_id=pl.lit("00000001"),
            _landed_at=pl.lit(LANDED_AT),
        )
        self.connection.register("landed", landed)
        self.connection.execute(f"insert into {_raw(table)} by name select * from landed")
        self.connection.unregister("landed")

    def _build(self, model: Model) -> None:
        create = "create view if not exists" if model.is_view else "create or replace table"
        self.connection.execute(f"{create} {identifier(model.schema)}.{identifier(model.name)} as {model.sql}")


def _raw(table: str) -> str:
    """Name of a canonical table's raw table."""
    return f"raw.{identifier(tables()[table].raw_name)}"
