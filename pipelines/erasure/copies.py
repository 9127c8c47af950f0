"""Copies of landed values elsewhere in a home: what is built anew is deleted, what tells of runs is blanked out."""

import json
import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from pipelines.erasure.clearing import BLANK
from pipelines.erasure.landed import LandedRows
from pipelines.erasure.sieve import Sieve
from pipelines.paths import Home
from pipelines.sql import identifier

# Messages show the first 80 characters of a value.
SHOWN_CHARACTERS = 60
SHORTEST_WORD = 5
BUSY_SECONDS = 10.0


def personal_values(sieve: Sieve, every: Iterable[LandedRows]) -> set[str]:
    """What a message about a run may have quoted of the rows that go: e-mails, names, the beginnings of texts.

    Single words are left out unless they hold an @ or a digit: a status is not a person's.
    """
    found: set[str] = set()
    for landed in every:
        table = landed.rows.table
        texts = [name for name in table.texts if table.columns[name] == "varchar"]
        texts += [name for name in table.untouched if table.columns.get(name) == "varchar"]
        shown = [f"left({identifier(name)}, {SHOWN_CHARACTERS})" for name in texts if not name.endswith("_id") or "external" in name]
        if shown:
            query = f"select distinct unnest([{', '.join(shown)}]) as value from ({landed.rows.query}) where {sieve.falls(landed.rows)}"
            found |= {value.strip() for (value,) in sieve.connection.execute(query).fetchall() if value is not None}
    return {value for value in found if len(value) >= SHORTEST_WORD and re.search(r"[\s@\d]", value) and not _is_number(value)}


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[\d.,:TZ+-]+", value) is not None and len(value) < len("+15551234567")


def blank_out(home: Home, values: set[str]) -> None:
    """Blank values out of logs, of dbt's results, of the last attempts, and of Dagster's run history."""
    if not values:
        return
    forms = {form for value in values for form in (value, json.dumps(value)[1:-1], json.dumps(json.dumps(value)[1:-1])[1:-1])}
    pattern = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True)), re.IGNORECASE)
    texts = [home.landing / "last_attempts.json", home.root / "dbt" / "run_results.json", home.coverage, home.report]
    texts += [path for folder in (home.logs, home.dagster) for path in folder.rglob("*") if path.is_file()]
    for path in texts:
        if path.suffix == ".db" and path.is_file():
            _blank_out_sqlite(path, pattern)
        elif path.is_file() and not path.name.endswith((".db-wal", ".db-shm", ".db-journal")):
            before = path.read_bytes().decode(errors="surrogateescape")
            after = pattern.sub(BLANK, before)
            if after != before:
                path.write_bytes(after.encode(errors="surrogateescape"))


def _blank_out_sqlite(path: Path, pattern: re.Pattern[str]) -> None:
    """Blank values out of every text of a SQLite file, free pages included."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.create_function("blanked", 1, lambda text: pattern.sub(BLANK, text))
        connection.execute("pragma secure_delete = on")
        n_changed = 0
        for (table,) in connection.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%'").fetchall():
            for _, column, *_ in connection.execute(f"pragma table_info({identifier(table)})").fetchall():
                name = identifier(column)
                changed = connection.execute(
                    f"update or ignore {identifier(table)} set {name} = blanked({name})"
                    f" where typeof({name}) = 'text' and blanked({name}) <> {name}"
                )
                n_changed += changed.rowcount
        if n_changed:
            connection.execute("vacuum")
            connection.execute("pragma wal_checkpoint(truncate)")


def delete_built(home: Home) -> None:
    """Delete what the next run builds anew from landing; DuckDB keeps deleted rows in its file."""
    for path in (home.build, home.candidate):
        for each in (path, path.with_name(f"{path.name}.wal")):
            each.unlink(missing_ok=True)
    for path in home.temp.rglob("*"):
        if path.is_file():
            path.unlink()
