"""The build database: one writer, rebuilt from landing; and the lock that keeps it one."""

import fcntl
import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import duckdb

from pipelines import __version__
from pipelines.contract import Table, tables
from pipelines.errors import LockedError
from pipelines.identity.probable import ProbableLinks, create_edges_table
from pipelines.landing import LandedFile, Landing, Load, landed_rows
from pipelines.paths import DBT_PROJECT, PACKAGE, Home
from pipelines.plan import FrozenPlan
from pipelines.raw_systems import OUTSIDE, count_erased, load_system, possible_instants
from pipelines.sources.registry import system_named
from pipelines.warmth.step import create_scores_table

HMAC_BLOCK_BYTES = 64
REPLACED = "replaced by a newer file"

_held: set[Path] = set()


@contextmanager
def run_lock(home: Home) -> Generator[None]:
    """Hold the home's lock for one run. The kernel lets go of it when the process dies.

    A process that holds it already may enter again: the command line takes it before the job does.

    Raises:
        LockedError: another run holds it.
    """
    if home.lock in _held:
        yield
        return
    home.root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 64).decode(errors="replace").strip() or "unknown"
            raise LockedError(f"Another run (process {holder}) is working in {home.root}. Wait for it, or use another --home.") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        _held.add(home.lock)
        yield
    finally:
        _held.discard(home.lock)
        os.close(descriptor)


@contextmanager
def connect(path: Path, memory_limit: str, temp: Path, read_only: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
    """Open a database of the home with the settings that every part of the product uses."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(temp),
        "preserve_insertion_order": False,
    }
    with duckdb.connect(str(path), read_only=read_only, config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@dataclass(frozen=True)
class RunContext:
    """What a run looks at and from when; written before any model is built.

    Args:
        as_of: the instant that the run looks from.
        loads: the load of each source in use.
        plan: the frozen plan.
        person_key: key of the hashes that hide persons.
        hide_agents: whether agents lose their display names.
        probable_links: how probable identity links are made; none, where they are off.
        systems: source systems in use, by name.
    """

    as_of: datetime
    loads: list[Load]
    plan: FrozenPlan
    person_key: bytes
    hide_agents: bool
    probable_links: ProbableLinks | None = None
    systems: frozenset[str] = frozenset()

    @property
    def data_sha(self) -> str:
        """SHA-256 over source, file and content of everything read; of what was left of it, where persons were erased."""
        lines = [f"{load.source_id} {landed.sha256} erased" for load in self.loads for landed in load.tables.values() if landed.erased]
        lines += sorted(f"{load.source_id} {load.time_zone} {name} {sha}" for load in self.loads for name, sha in load.inputs.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def run_id(self) -> str:
        """Hash of all that decides the content: equal ids mean equal rows, however persons are hidden in them."""
        parts = [self.data_sha, self.plan.sha256, code_version(), self.as_of.isoformat(), str(self.plan.plan.seed)]
        parts += [str(self.hide_agents), hashlib.sha256(self.person_key).hexdigest()]
        if self.probable_links is not None:
            parts.append(f"{self.probable_links} splink {version('splink')}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    @property
    def hmac_pads(self) -> tuple[bytes, bytes]:
        """The key's inner and outer pad (RFC 2104), so that SQL can compute the HMAC."""
        key = self.person_key
        if len(key) > HMAC_BLOCK_BYTES:
            key = hashlib.sha256(key).digest()
        key = key.ljust(HMAC_BLOCK_BYTES, b"\0")
        return bytes(byte ^ 0x36 for byte in key), bytes(byte ^ 0x5C for byte in key)


@cache
def code_version() -> str:
    """Version of the package with a hash of its code, models included."""
    digest = hashlib.sha256()
    patterns = ("dbt_project.yml", "models/**/*.sql", "models/**/*.yml", "macros/*.sql", "seeds/*.csv")
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.toml"), *(path for pattern in patterns for path in DBT_PROJECT.glob(pattern))]
    for path in sorted(files):
        digest.update(path.relative_to(PACKAGE.parent).as_posix().encode())
        digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def load_raw(connection: duckdb.DuckDBPyConnection, landing: Landing, context: RunContext) -> dict[str, int]:
    """Replace the raw layer by the newest complete load of every source, in one transaction.

    Rows with a timestamp that can't be true go to `run.quarantine`, with counts in `run.load_counts`.

    Returns:
        Rows kept by canonical table.
    """
    for load in context.loads:
        landing.verify(load)
    connection.begin()
    try:
        connection.execute("create schema if not exists raw; create schema if not exists run; create schema if not exists estimates")
        _write_context(connection, context)
        kept = {name: _load_table(connection, landing, table, context) for name, table in tables().items()}
        for system in sorted({load.system for load in context.loads if load.system} | context.systems):
            load_system(connection, landing, system_named(system), context.loads, context.as_of)
        connection.commit()
    except Exception:
        connection.rollback()
        raise
    connection.execute("checkpoint")
    return kept


def _write_context(connection: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    claim = context.plan.plan.claims.C1
    inner_pad, outer_pad = context.hmac_pads
    connection.execute(
        """
        create or replace table run.context as
        select ?::varchar as run_id, ?::timestamptz as as_of, ?::varchar as plan_sha, ?::varchar as data_sha,
            ?::varchar as code_version, ?::bigint as seed, ?::blob as hmac_inner_pad, ?::blob as hmac_outer_pad,
            ?::boolean as hide_agents
        """,
        [context.run_id, context.as_of, context.plan.sha256, context.data_sha, code_version(), context.plan.plan.seed,
         inner_pad, outer_pad, context.hide_agents],
    )  # fmt: skip
    connection.execute(
        """
        create or replace table run.analysis_plan as
        select 'C1' as claim_id, ?::varchar as outcome_name, ?::varchar as outcome_measure,
            ?::double as outcome_winsorize_quantile, ?::varchar as outcome_unit,
            ?::integer as horizon_weeks, ?::double as sesoi, ?::double as tau_hours, ?::double as floor_minutes,
            ?::varchar as broadcast_measure, ?::double as primary_adstock_rate, ?::integer as adstock_lags,
            ?::integer as min_inbounds, ?::varchar as customer_unit, ?::varchar as inbound_filter,
            ?::double as incident_multiple, ?::integer as churn_horizon_weeks
        """,
        [claim.outcome.name, claim.outcome.measure, claim.outcome.winsorize_quantile, claim.outcome.unit,
         claim.outcome.horizon_weeks, claim.smallest_effect_of_interest, claim.responsiveness.cap_hours,
         claim.responsiveness.floor_minutes, claim.broadcast.measure_code, claim.broadcast.adstock_rate,
         claim.broadcast.adstock_lags_weeks, claim.policy_shift.min_turns_per_week, claim.customer_unit,
         claim.responsiveness.inbound_filter, claim.roster.incident_multiple, claim.churn.horizon_weeks],
    )  # fmt: skip
    connection.execute(
        "create or replace table run.outcome_kinds as select distinct unnest(?::varchar[]) as kind", [claim.outcome.all_kinds]
    )
    connection.execute(
        "create or replace table run.claim_entries (claim_id varchar, sesoi double, hypothesis varchar, is_exploratory boolean)"
    )
    for claim_id, entry in context.plan.plan.claims.entries().items():
        connection.execute(
            "insert into run.claim_entries values (?, ?, ?, ?)",
            [claim_id, entry.smallest_effect_of_interest, entry.hypothesis.strip(), getattr(entry, "exploratory", False)],
        )
    connection.execute(
        "create or replace table run.adstock_rates as select distinct unnest(?::double[]) as adstock_rate",
        [claim.specification_curve.adstock_rates],
    )
    create_edges_table(connection)
    create_scores_table(connection)
    connection.execute("create or replace table run.applied_loads (source_id varchar, load_id varchar, landed_at timestamptz)")
    for load in context.loads:
        connection.execute("insert into run.applied_loads values (?, ?, ?)", [load.source_id, load.load_id, load.finished_at])
    connection.execute(
        "create or replace table run.load_counts (source_id varchar, table_name varchar, rows_in bigint, dropped bigint, reason varchar)"
    )
    connection.execute(
        "create or replace table run.quarantine (source_id varchar, table_name varchar, file_name varchar,"
        " row_number bigint, column_name varchar, value varchar, reason varchar)"
    )


def _load_table(connection: duckdb.DuckDBPyConnection, landing: Landing, table: Table, context: RunContext) -> int:
    columns = ", ".join(f'"{c.name}" {c.data_type}' for c in table.columns)
    connection.execute(
        f"create or replace table raw.{table.raw_name} ({columns}, _row_number bigint, _extra json,"
        " _loader varchar, _load_id varchar, _landed_at timestamptz)"
    )
    for load in context.loads:
        if table.name in load.tables:
            _load_file(connection, landing, table, load, load.tables[table.name], context.as_of)
    row = connection.execute(f"select count(*) from raw.{table.raw_name}").fetchone()
    return row[0] if row else 0


def _load_file(
    connection: duckdb.DuckDBPyConnection, landing: Landing, table: Table, load: Load, landed: LandedFile, as_of: datetime
) -> None:
    """Append a landed file's rows, but for those whose time can't be true and those that a newer file replaces."""
    connection.execute(f"create or replace temp view landed as from ({landed_rows(connection, landing.root / landed.path, landed.origin)})")
    bounds = [(column, possible_instants(column.name, column.may_be_future, as_of)) for column in table.columns if column.is_timestamp]
    refused = " or ".join(f"coalesce(not ({within}), false)" for _, within in bounds)
    is_older = _is_replaced(connection, table, refused)
    connection.execute(
        f"insert into raw.{table.raw_name} by name"
        " select * exclude (_file, _file_number), ? as _loader, ? as _load_id, ?::timestamptz as _landed_at"
        f" from landed where not ({refused}) and not {is_older}",
        [load.source_id, load.load_id, load.finished_at],
    )
    for column, within in bounds:
        connection.execute(
            f"""
            insert into run.quarantine
            select source_id, ?, _file, _row_number, ?, "{column.name}"::varchar, ? from landed where not ({within})
            """,
            [table.name, column.name, OUTSIDE],
        )
    for dropped, reason in ((refused, f"timestamp {OUTSIDE}"), (f"not ({refused}) and {is_older}", REPLACED)):
        connection.execute(
            f"""
            insert into run.load_counts
            select source_id, ?, count(*), count(*) filter (where {dropped}), ?
            from landed group by source_id
            having ? or count(*) filter (where {dropped}) > 0
            """,
            [table.name, reason, reason != REPLACED],
        )
    count_erased(connection, table.name, load.source_id, landed.erased)


def _is_replaced(connection: duckdb.DuckDBPyConnection, table: Table, refused: str) -> str:
    """SQL that holds for rows of `landed` whose key stands in another file of the folder, and counts there.

    Where every version of a key tells its age by `updated_at`, that decides; else the newest file does.
    """
    (several,) = connection.execute("select min(_file_number) < max(_file_number) from landed").fetchall()[0]
    if not several:
        return "false"
    key = ", ".join(["source_id", *table.key])
    connection.execute(
        f"""
        create or replace temp table replaced as
        select
            {key},
            case
                when bool_and(updated_at is not null) then arg_max(_file_number, (updated_at, _file_number))
                else max(_file_number)
            end as file_that_counts
        from landed
        where not ({refused})
        group by {key}
        having min(_file_number) < max(_file_number)
        """
    )
    same_key = " and ".join(f"landed.{name} is not distinct from replaced.{name}" for name in ["source_id", *table.key])
    return f"exists (from replaced where {same_key} and landed._file_number <> replaced.file_that_counts)"
