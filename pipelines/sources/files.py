"""The `files` source: a folder with one CSV, JSONL or Parquet file per canonical table.

Files are read by DuckDB, cast to the contract column by column, and checked row by row. Nothing is
guessed: a cell that does not fit names its file, column, row and value. Everything wrong with a
folder is found in one go, so that it can be mended in one go.
"""

import csv
import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

import duckdb

from pipelines.contract import Column, Table, tables
from pipelines.errors import Problem, SourceError
from pipelines.sql import identifier, literal

FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv", ".csv.gz": "csv", ".csv.zst": "csv",
    ".jsonl": "jsonl", ".jsonl.gz": "jsonl", ".jsonl.zst": "jsonl",
}  # fmt: skip
ZONED = r"(Z|z| UTC|[+-]\d{2}(:?\d{2})?)$"
CONFIG_FILE = "twoway.toml"
NO_ZONE = "which is not an IANA time zone like Europe/Berlin. Correct it."
LOCAL_TIME = r"^([0-3]\d|4[0-7]):[0-5]\d(:00)?$"
LONGEST_LINE_BYTES = 32 * 1024 * 1024
# What a column wants, by its format or type, for messages.
WANTED = {
    "varchar": "text",
    "double": "a number",
    "bigint": "a whole number",
    "boolean": "true or false",
    "date": "a date like 2026-01-31",
    "decimal(18,4)": "an amount with at most 14 digits before the point",
    "varchar[]": 'a list like ["a", "b"]',
    "local_time": "a local time like 09:30",
    "iana_time_zone": "an IANA time zone like Europe/Berlin",
}


@dataclass(frozen=True)
class FilesSource:
    """A configured folder.

    Args:
        source_id: name of the source; also the `source_id` of rows that name none.
        folder: where the files are.
        time_zone: IANA zone of timestamps without one; None refuses them.
    """

    source_id: str
    folder: Path
    time_zone: str | None = None

    def discover(self) -> dict[str, Path]:
        """Find the folder's files by canonical table.

        Raises:
            SourceError: the folder is missing or holds no table, a data file is named after no table,
                or two files hold one table.
        """
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise SourceError(self.source_id, [Problem(CONFIG_FILE, f"time_zone of {self.source_id} is {self.time_zone!r}, {NO_ZONE}")])
        if not self.folder.is_dir():
            raise SourceError(self.source_id, [Problem(str(self.folder), "is not a folder. Check --input or twoway.toml.")])
        found: dict[str, Path] = {}
        problems: list[Problem] = []
        for path in sorted(self.folder.iterdir()):
            name, _, ending = path.name.partition(".")
            if not path.is_file() or (f".{ending}" not in FORMATS and name not in tables()):
                continue
            if f".{ending}" not in FORMATS:
                endings = ", ".join(f"{name}{known}" for known in FORMATS)
                problems.append(Problem(path.name, f"has an ending that is not read. Export it as one of: {endings}."))
            elif name not in tables():
                problems.append(Problem(path.name, f"is named after no canonical table. Rename it to one of: {', '.join(tables())}."))
            elif name in found:
                problems.append(Problem(path.name, f"holds the same table as {found[name].name}. Keep one of them."))
            else:
                found[name] = path
        if not found and not problems:
            problems.append(Problem(str(self.folder), f"holds no file such as support_tickets.csv. Tables: {', '.join(tables())}."))
        if problems:
            raise SourceError(self.source_id, problems)
        return found

    def read(self, connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
        """Read and check every file of the folder.

        Args:
            connection: an in-memory database of the caller's; one table per file is made in it.

        Returns:
            Name of the made table by canonical table. Columns: the contract's, then `_row_number`
            (BIGINT, data rows from 1) and `_extra` (JSON, columns outside the contract; null if none).

        Raises:
            SourceError: with every problem of every file.
        """
        problems: list[Problem] = []
        made: dict[str, str] = {}
        for name, path in self.discover().items():
            reader = _FileReader(self, tables()[name], path, connection)
            try:
                made[name] = reader.read()
            except SourceError as error:
                problems.extend(error.problems)
        if problems:
            raise SourceError(self.source_id, problems)
        return made


class _FileReader:
    """Reads one file into one checked table."""

    def __init__(self, source: FilesSource, table: Table, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.source = source
        self.table = table
        self.path = path
        self.connection = connection
        self.kind = FORMATS[f".{path.name.partition('.')[2]}"]
        self.problems: list[Problem] = []

    def read(self) -> str:
        if self.path.stat().st_size == 0:
            self._stop("is empty (0 bytes). Export it again, or remove it if there is nothing to say.")
        try:
            present = self._read_as_is()
        except duckdb.Error as error:
            self._stop(*_reading_failure(error, self.kind, self.path))
        missing = [c.name for c in self.table.columns if c.is_required and c.name not in present]
        for name in missing:
            self.problems.append(Problem(self.path.name, "is a required column and not there. Add it to the file.", name))
        self._raise_if_any()
        self._cast(present)
        self._check_required()
        self._check_key()
        self._raise_if_any()
        return self.table.name

    def _stop(self, what: str, row: int | None = None) -> None:
        raise SourceError(self.source.source_id, [*self.problems, Problem(self.path.name, what, row=row)])

    def _raise_if_any(self) -> None:
        if self.problems:
            raise SourceError(self.source.source_id, self.problems)

    def _read_as_is(self) -> dict[str, str]:
        """Make `as_is` with `_row_number` and the file's own columns; return their types by name."""
        read = {"parquet": self._read_parquet, "csv": self._read_csv, "jsonl": self._read_jsonl}[self.kind]
        read()
        described = self.connection.execute("describe as_is").fetchall()
        return {name: data_type for name, data_type, *_ in described if name != "_row_number"}

    def _read_parquet(self) -> None:
        self.connection.execute(
            "create or replace temp table as_is as select file_row_number + 1 as _row_number, * exclude (file_row_number)"
            " from read_parquet(?, file_row_number = true, hive_partitioning = false)",
            [str(self.path)],
        )

    def _read_csv(self) -> None:
        header = self._csv_header()
        lowered = [name.lower() for name in header]
        twice = [name for name in header if lowered.count(name.lower()) > 1]
        if "" in header:
            self._stop(f"has no name for column {header.index('') + 1} in its header. Name it, or remove a trailing comma.", row=0)
        if twice:
            self._stop(f"names the column {twice[0]} twice in its header (case does not tell columns apart). Rename one.", row=0)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
        self.connection.execute(
            f"""
            create or replace temp table as_is as
            select row_number() over () as _row_number, *
            from read_csv(?, columns = {{{columns}}}, auto_detect = false, header = true, delim = ',',
                quote = '"', escape = '"', nullstr = '', max_line_size = {LONGEST_LINE_BYTES}, hive_partitioning = false)
            """,
            [str(self.path)],
        )

    def _csv_header(self) -> list[str]:
        line = self.connection.execute(
            f"""
            select line from read_csv(?, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
                delim = '\x01', quote = '', escape = '', max_line_size = {LONGEST_LINE_BYTES}, hive_partitioning = false)
            limit 1
            """,
            [str(self.path)],
        ).fetchone()
        if line is None or line[0] is None:
            self._stop("has no header line. The first line must name the columns.")
            raise AssertionError
        return [name.strip() for name in next(csv.reader([line[0].lstrip("\ufeff")]))]

    def _read_jsonl(self) -> None:
        self.connection.execute(
            """
            create or replace temp table objects as
            select row_number() over () as _row_number, json from read_ndjson_objects(?, hive_partitioning = false)
            """,
            [str(self.path)],
        )
        names = self.connection.execute("select distinct unnest(json_keys(json)) as name from objects order by name").fetchall()
        values = [f"json ->> {literal(_json_pointer(name))} as {identifier(name)}" for (name,) in names]
        self.connection.execute(f"create or replace temp table as_is as select {', '.join(['_row_number', *values])} from objects")

    def _cast(self, present: dict[str, str]) -> None:
        """Make the checked table; report the first cell of each column that can't be cast."""
        casts = {c: self._cast_of(c, present[c.name]) for c in self.table.columns if c.name in present}
        for column, cast in casts.items():
            self._check_type(column, cast, present[column.name])
        self._raise_if_any()
        failures = self.connection.execute(
            "select "
            + ", ".join(
                f"[arg_min(_row_number::varchar, _row_number) filter ({failed}),"
                f" arg_min({identifier(c.name)}::varchar, _row_number) filter ({failed})]"
                for c in casts
                for failed in [f"where nullif({identifier(c.name)}::varchar, '') is not null and ({casts[c]}) is null"]
            )
            + " from as_is"
        ).fetchone()
        for column, (row, value) in zip(casts, failures or [], strict=True):
            if row is not None:
                what = self._what_is_wrong(column, value)
                self.problems.append(Problem(self.path.name, what, column.name, int(row), value))
        selected = [f"{casts.get(c, 'null')}::{c.data_type} as {identifier(c.name)}" for c in self.table.columns]
        selected[0] = f"coalesce({casts.get(self.table.columns[0], 'null')}, {literal(self.source.source_id)}) as source_id"
        known = {c.name for c in self.table.columns}
        extra = [name for name in present if name not in known]
        fields = ", ".join(f"{literal(name)}, {identifier(name)}" for name in extra)
        self.connection.execute(
            f"create or replace temp table {self.table.name} as select {', '.join(selected)}, _row_number,"
            f" {f'json_object({fields})' if extra else 'null::json'} as _extra from as_is"
        )

    def _check_type(self, column: Column, cast: str, native: str) -> None:
        """A column of a type that never fits, such as a number of bytes where a time belongs, fails before any row does."""
        try:
            self.connection.execute(f"select {cast} from as_is limit 0")
        except duckdb.Error:
            name = identifier(column.name)
            first = f"select _row_number, {name}::varchar from as_is where {name} is not null order by _row_number limit 1"
            row, value = self.connection.execute(first).fetchone() or (None, None)
            self.problems.append(
                Problem(self.path.name, f"is of type {native}, which can't be cast. Export it as text.", column.name, row, value)
            )

    def _cast_of(self, column: Column, native: str) -> str:
        """SQL that casts a file's column to the contract's type, null where it can't."""
        value = identifier(column.name)
        if column.is_timestamp:
            return self._cast_of_timestamp(column, native)
        if column.format == "local_time":
            return f"case when regexp_matches({value}::varchar, '{LOCAL_TIME}') then left({value}::varchar, 5) end"
        if column.format == "iana_time_zone":
            return f"case when {value} in (select name from pg_timezone_names()) then {value}::varchar end"
        if column.data_type == "varchar":
            # CSV can't tell empty text from none, so no format does.
            return f"nullif({value}::varchar, '')"
        if column.data_type == "varchar[]":
            if native.endswith("[]"):
                return f"{value}::varchar[]"
            return f"case when trim({value}) like '[%' then try_cast({value} as varchar[]) else string_split({value}, ';') end"
        if column.data_type == "double":
            return f"case when isfinite(try_cast({value} as double)) then try_cast({value} as double) end"
        if column.data_type == "bigint":
            # A cast would round 1.5 to 2.
            number = f"try_cast({value} as double)"
            return f"case when {number} = floor({number}) then try_cast({value} as bigint) end"
        return f"try_cast({value} as {column.data_type})"

    def _cast_of_timestamp(self, column: Column, native: str) -> str:
        value = identifier(column.name)
        if native == "TIMESTAMP WITH TIME ZONE":
            return value
        naive_zone = self.source.time_zone
        if native.startswith("TIMESTAMP") or native == "DATE":
            if naive_zone is not None:
                return f"timezone({literal(naive_zone)}, {value}::timestamp)"
            return f"case when {value} is null then {value}::timestamptz end"
        text = f"{value}::varchar"
        zoned = f"case when regexp_matches({text}, '{ZONED}') and length({text}) > 10 then try_cast({text} as timestamptz) end"
        if naive_zone is None:
            return zoned
        return f"coalesce({zoned}, timezone({literal(naive_zone)}, try_cast({value}::varchar as timestamp)))"

    def _what_is_wrong(self, column: Column, value: str) -> str:
        if column.is_timestamp:
            if self.source.time_zone is None and not re.search(ZONED, value):
                return "has no time zone. Write it like 2026-01-31T09:30:00Z, or set time_zone for this source in twoway.toml."
            return "is not a point in time. Write it like 2026-01-31T09:30:00Z."
        return f"is not {WANTED[column.format or column.data_type]}. Correct it in the file."

    def _check_required(self) -> None:
        for column in self.table.columns:
            if not column.is_filled:
                continue
            row = self.connection.execute(
                f"select min(_row_number) from {self.table.name} where {identifier(column.name)} is null"
            ).fetchone()
            failed_before = any(problem.column == column.name for problem in self.problems)
            if row and row[0] is not None and not failed_before:
                self.problems.append(Problem(self.path.name, "is required and empty. Fill it in.", column.name, row[0]))

    def _check_key(self) -> None:
        """One key may come in several versions, but one version may have only one content."""
        key = ["source_id", *self.table.key, "updated_at"]
        key_values = [f"any_value({name})::varchar" for name in self.table.key]
        content = [identifier(c.name) for c in self.table.columns]
        clash = self.connection.execute(
            f"""
            select min(_row_number) as first_row, max(_row_number) as last_row, {", ".join(key_values)}
            from {self.table.name}
            where {" and ".join(f"{c.name} is not null" for c in self.table.columns if c.is_key and c.is_filled)}
            group by {", ".join(key)}
            having count(distinct hash({", ".join(content)})) > 1
            order by last_row
            limit 1
            """
        ).fetchone()
        if clash is not None:
            first_row, last_row, *values = clash
            what = (
                f"stands in row {first_row} already, with other content and the same updated_at."
                " Keep one, or give each version its updated_at."
            )
            shown = ", ".join(str(value) for value in values)
            self.problems.append(Problem(self.path.name, what, ", ".join(self.table.key), last_row, shown))


def _reading_failure(error: duckdb.Error, kind: str, path: Path) -> tuple[str, int | None]:
    """A reader's complaint as one sentence, with the data row where it can be told."""
    lines = str(error).splitlines()
    first = lines[0].split(": ", 1)[-1].strip()
    row: int | None = None
    line = re.search(r"on Line: (\d+)", str(error))
    if kind == "csv" and line:
        first = next((text for text in lines[1:] if text and not text.startswith("Original Line")), first)
        row = int(line.group(1)) - 1
    if kind == "jsonl":
        row = _first_malformed_row(path)
    return f"can't be read as {kind} ({first.rstrip('. ')}). Export it again; it may have been cut off.", row


def _first_malformed_row(path: Path) -> int | None:
    """DuckDB's line numbers of JSONL are off by one or more, so count again; not for zst, which Python can't open."""
    opener = {".jsonl": open, ".gz": gzip.open}.get(path.suffix)
    if opener is None:
        return None
    with opener(path, "rt", encoding="utf-8", errors="replace") as file:
        for row, line in enumerate((line for line in file if line.strip()), start=1):
            try:
                json.loads(line)
            except json.JSONDecodeError:
                return row
    return None


def _json_pointer(name: str) -> str:
    """A field's name as a JSON pointer (RFC 6901), which takes any character."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
