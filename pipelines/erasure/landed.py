"""Landed files: what of them goes with erased persons, and the rewrite of those that hold some of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from pipelines.contract import tables
from pipelines.erasure.sieve import Rows, Sieve
from pipelines.erasure.tables import PersonalTable, canonical_tables, system_tables
from pipelines.errors import ConfigError
from pipelines.files_io import sha256_of
from pipelines.landing import LandedFile, Landing, Load, rewritten
from pipelines.sources.registry import system_named
from pipelines.sql import identifier, literal

POSITIONS_A_FILE = 1 << 40


@dataclass(frozen=True)
class LandedRows:
    """Rows of one landed file, typed as today's columns, with `_position`, which rises from load to load and row to row."""

    load: Load
    name: str
    rows: Rows
    path: Path


def landed_rows(connection: duckdb.DuckDBPyConnection, landing: Landing) -> Iterator[LandedRows]:
    """Every landed file of every source, configured still or not, older loads included."""
    number = 0
    for source_id in landing.source_ids():
        for load in landing.loads(source_id):
            known = _tables_of(load)
            for name, landed in load.tables.items():
                path = landing.root / landed.path
                number += 1
                yield LandedRows(load, name, _typed(connection, known.get(name), name, load.source_id, path, number), path)


def _tables_of(load: Load) -> dict[str, PersonalTable]:
    if load.system is None:
        return canonical_tables()
    try:
        return system_tables(system_named(load.system), load.source_id)
    except ConfigError:
        return {}


def _typed(connection: duckdb.DuckDBPyConnection, table: PersonalTable | None, name: str, source_id: str, path: Path, number: int) -> Rows:
    parquet = f"read_parquet({literal(path)}, hive_partitioning = false, file_row_number = true)"
    present = {column: type_.lower() for column, type_, *_ in connection.execute(f"describe from {parquet}").fetchall()}
    if table is None:
        # A table that no connector knows any more says nothing of persons: its texts are cleared.
        columns = {column: type_ for column, type_ in present.items() if column != "file_row_number"}
        table = PersonalTable(name, literal(source_id), columns, ())
    wanted = dict(table.columns) | ({"source_id": "varchar"} if table.table in tables() else {})
    columns = [
        f"{identifier(column) if column in present else 'null'}::{type_} as {identifier(column)}" for column, type_ in wanted.items()
    ]
    position = f"file_row_number + {number * POSITIONS_A_FILE} as _position"
    query = f"select {', '.join([*columns, position])}, file_row_number from {parquet}"
    return Rows(table, query, frozenset(present) & frozenset(wanted))


@dataclass(frozen=True)
class Change:
    """What an erasure changed in one landed file.

    Args:
        rows_removed: rows taken out.
        rows_redacted: rows in which something was blanked out.
        sha256_before: of the file.
        sha256_after: of the rewritten one.
    """

    rows_removed: int
    rows_redacted: int
    sha256_before: str
    sha256_after: str = ""


def look(sieve: Sieve, landed: LandedRows, with_texts: bool = True) -> Change:
    """What would change in a landed file; what changes in its rows is left in the temporary table `changed`."""
    connection, rows = sieve.connection, landed.rows
    falls, cleared = sieve.falls(rows), sieve.cleared(rows) if with_texts else {}
    removed = connection.execute(f"select count(*) from ({rows.query}) where {falls}").fetchall()[0][0]
    names = ", ".join(identifier(column) for column in cleared)
    after = ", ".join(f"({sql}) as {identifier(f'new {column}')}" for column, sql in cleared.items())
    differs = " or ".join(f"{identifier(column)} is distinct from {identifier(f'new {column}')}" for column in cleared)
    if cleared:
        connection.execute(
            f"create or replace temp table changed as select * exclude ({names})"
            f" from (select file_row_number, {names}, {after} from ({rows.query}) where not ({falls})) where {differs}"
        )
    else:
        connection.execute("create or replace temp table changed (file_row_number bigint)")
    redacted = connection.execute("select count(*) from changed").fetchall()[0][0]
    return Change(removed, redacted, landed.load.tables[landed.name].sha256)


def erase_landed(landing: Landing, sieve: Sieve, receipt: str, at: str, with_texts: bool = True) -> None:
    """Rewrite every landed file that holds anything of erased persons; each manifest tells what was changed in it.

    Args:
        landing: the home's landing folder.
        sieve: with the tombstones.
        receipt: for the manifests.
        at: the instant that they tell.
        with_texts: whether what others wrote is searched too.

    Raises:
        SourceError: a landed file is not what was landed.
    """
    for source_id in landing.source_ids():
        landing.finish_rewrites(source_id)
    _delete_unlisted(landing)
    every = list(landed_rows(sieve.connection, landing))
    for load in {id(each.load): each.load for each in every}.values():
        landing.verify(load)
    sieve.spread([each.rows for each in every])
    for load in {id(each.load): each.load for each in every}.values():
        made = [(each, _rewrite(sieve, each, with_texts)) for each in every if each.load is load]
        changed = {each.name: (file, change) for each, found in made if found is not None for file, change in [found]}
        if changed:
            note: dict[str, Any] = {"receipt": receipt, "erased_at": at, "tables": {}}
            note["tables"] = {name: vars(change) for name, (_, change) in changed.items()}
            landing.rewrite(load, {name: file for name, (file, _) in changed.items()}, note)


def _rewrite(sieve: Sieve, landed: LandedRows, with_texts: bool) -> tuple[LandedFile, Change] | None:
    change = look(sieve, landed, with_texts)
    if not change.rows_removed and not change.rows_redacted:
        return None
    connection, before = sieve.connection, landed.load.tables[landed.name]
    target = rewritten(landed.path)
    columns = [column for (column, *_) in connection.execute("describe changed").fetchall() if column != "file_row_number"]
    new = ", ".join(
        f"case when changed.file_row_number is null then old.{identifier(column.removeprefix('new '))}"
        f" else changed.{identifier(column)} end as {identifier(column.removeprefix('new '))}"
        for column in columns
    )
    replaced = f" replace ({new})" if new else ""
    connection.execute(
        f"create or replace temp table going as select file_row_number from ({landed.rows.query}) where {sieve.falls(landed.rows)}"
    )
    parquet = f"read_parquet({literal(landed.path)}, hive_partitioning = false, file_row_number = true)"
    connection.execute(
        f"""
        copy (
            select old.* exclude (file_row_number){replaced}
            from {parquet} as old left join changed using (file_row_number)
            where old.file_row_number not in (select file_row_number from going)
            order by old.file_row_number
        ) to {literal(target)} (format parquet, compression zstd)
        """
    )
    sha256, rows = sha256_of(target), before.rows - change.rows_removed
    file = replace(before, sha256=sha256, rows=rows, erased=before.erased + change.rows_removed)
    return file, replace(change, sha256_after=sha256)


def _delete_unlisted(landing: Landing) -> None:
    """Delete landed files that no manifest tells of: a killed load's, which the next one makes anew."""
    for source_id in landing.source_ids():
        listed = {landing.root / landed.path for load in landing.loads(source_id) for landed in load.tables.values()}
        files = [*(landing.root / source_id).glob("*/*.parquet*"), *(landing.root / source_id).glob("*/.*.parquet.tmp")]
        for path in set(files) - listed:
            path.unlink()
