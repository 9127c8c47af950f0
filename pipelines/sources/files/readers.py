"""One file as it is: its own columns, the file's name and the number of each row."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import duckdb

from pipelines.errors import Problem, SourceError
from pipelines.sources.files.folder import InputFile
from pipelines.sql import identifier, literal

LONGEST_LINE_BYTES = 32 * 1024 * 1024
LONGEST_HEADER_CHARACTERS = 1024 * 1024
# The end of the first line that is not inside quotes (RFC 4180).
LINE_END = re.compile(r'(?:[^"\r\n]|"(?:[^"]|"")*")*(\r\n|\n)')
DELIMITERS = (",", ";", "\t")
# Columns that say where a row comes from; a file can't bring its own.
PLACE = ("_file_number", "_row_number")
OWN_COLUMNS = (*PLACE, "_file", "_extra")


class FileReader:
    """Reads one file into a table `one_file`: `_file_number`, `_row_number` (data rows from 1), then the file's columns.

    Args:
        connection: where the table is made.
        source_id: the source, for errors.
        file: which.
        number: its place among the files of its table, oldest first.
        known: column names that are expected; they tell the delimiter of a CSV file.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, source_id: str, file: InputFile, number: int, known: Collection[str]) -> None:
        self.connection = connection
        self.source_id = source_id
        self.file = file
        self.known = {name.lower() for name in known}
        self.place = f"{number}::bigint as _file_number, row_number() over () as _row_number"

    def read(self) -> dict[str, str]:
        """Make `one_file`; return the types of the file's columns by name.

        Raises:
            SourceError: the file can't be read.
        """
        if self.file.path.stat().st_size == 0:
            self._stop("is empty (0 bytes). Export it again, or remove it if there is nothing to say.")
        read = {"parquet": self._read_parquet, "csv": self._read_csv, "jsonl": self._read_jsonl}[self.file.kind]
        try:
            read()
        except duckdb.Error as error:
            self._stop(*self._reading_failure(error))
        described = self.connection.execute("describe one_file").fetchall()
        return {name: data_type for name, data_type, *_ in described if name not in OWN_COLUMNS}

    def _stop(self, what: str, row: int | None = None) -> None:
        raise SourceError(self.source_id, [Problem(self.file.name, what, row=row)])

    def _refuse_own(self, names: Collection[str]) -> None:
        if own := [name for name in names if name.lower() in OWN_COLUMNS]:
            self._stop(f"has a column {own[0]}, a name that Twoway needs for itself. Rename the column.")

    def _read_parquet(self) -> None:
        source = f"read_parquet({literal(self.file.path)}, hive_partitioning = false)"
        self._refuse_own([name for name, *_ in self.connection.execute(f"describe from {source}").fetchall()])
        self.connection.execute(f"create or replace temp table one_file as select {self.place}, * from {source}")

    def _read_csv(self) -> None:
        start = self._csv_start()
        self.delimiter, header = self._csv_header(start)
        self.width = len(header)
        lowered = [name.lower() for name in header]
        twice = [name for name in header if lowered.count(name.lower()) > 1]
        if "" in header:
            self._stop(f"has no name for column {header.index('') + 1} in its header. Name it, or remove a trailing comma.", row=0)
        if twice:
            self._stop(f"names the column {twice[0]} twice in its header (case does not tell columns apart). Rename one.", row=0)
        self._refuse_own(header)
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
        self.connection.execute(
            f"""
            create or replace temp table one_file as
            select {self.place}, *
            from read_csv(?, columns = {{{columns}}}, auto_detect = false, header = true, delim = {literal(self.delimiter)},
                quote = '"', escape = '"', nullstr = '', max_line_size = {LONGEST_LINE_BYTES}, hive_partitioning = false
                {_new_line(start)})
            """,
            [str(self.file.path)],
        )

    def _csv_start(self) -> str:
        try:
            with _text(self.file.path) as file:
                return file.read(LONGEST_HEADER_CHARACTERS).removeprefix("\ufeff")
        except (OSError, EOFError, zlib.error) as error:
            self._stop(f"can't be read as csv ({error}). Export it again; it may have been cut off.")
            raise AssertionError from error

    def _csv_header(self, start: str) -> tuple[str, list[str]]:
        """The delimiter, by which most expected columns are found, and the names of the columns."""
        headers = {delimiter: _first_row(start, delimiter) for delimiter in DELIMITERS}
        # The first of equals: a comma, where nothing speaks against it.
        delimiter = max(DELIMITERS, key=lambda each: sum(name.lower() in self.known for name in headers[each]))
        if not headers[delimiter]:
            self._stop("has no header line. The first line must name the columns.")
        return delimiter, headers[delimiter]

    def _read_jsonl(self) -> None:
        self.connection.execute(
            f"""
            create or replace temp table objects as
            select {self.place}, json
            from read_ndjson_objects(?, maximum_object_size = {LONGEST_LINE_BYTES}, hive_partitioning = false)
            """,
            [str(self.file.path)],
        )
        found = self.connection.execute("select distinct unnest(json_keys(json)) as name from objects order by name").fetchall()
        names = [name for (name,) in found]
        self._refuse_own(names)
        values = "".join(f", json ->> {literal(json_pointer(name))} as {identifier(name)}" for name in names)
        self.connection.execute(f"create or replace temp table one_file as select {', '.join(PLACE)}{values} from objects")

    def _reading_failure(self, error: duckdb.Error) -> tuple[str, int | None]:
        """A reader's complaint as one sentence, with the data row where it can be told."""
        lines = str(error).splitlines()
        first = lines[0].split(": ", 1)[-1].strip()
        row: int | None = None
        if self.file.kind == "csv" and "on Line: " in str(error):
            first = next((text for text in lines[1:] if text and not text.startswith("Original Line")), first)
            row = _first_ragged_row(self.file.path, self.delimiter, self.width)
        if self.file.kind == "jsonl":
            row = _first_malformed_row(self.file.path)
        return f"can't be read as {self.file.kind} ({first.rstrip('. ')}). Export it again; it may have been cut off.", row


def json_pointer(name: str) -> str:
    """A field's name as a JSON pointer (RFC 6901), which takes any character."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _text(path: Path) -> IO[str]:
    """A text file opened for reading, unpacked; bytes that are not UTF-8 become lone surrogates."""
    options: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    if path.suffix == ".gz":
        return gzip.open(path, "rt", **options)
    if path.suffix == ".zst":
        import pyarrow

        return io.TextIOWrapper(io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd")), **options)
    return path.open(**options)


def _first_row(text: str, delimiter: str) -> list[str]:
    """Names of the columns, each on one line: a header may hold quoted line ends."""
    csv.field_size_limit(LONGEST_LINE_BYTES)
    return [" ".join(name.split()) for name in next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])]


def _new_line(start: str) -> str:
    """DuckDB takes the first line end for all of them, and passes over the file where that one was inside quotes."""
    end = LINE_END.match(start)
    escaped = "\\r\\n" if end and end[1] == "\r\n" else "\\n"
    return f", new_line = '{escaped}'" if end else ""


def _first_ragged_row(path: Path, delimiter: str, width: int) -> int | None:
    """DuckDB numbers lines, blank ones included, so count data rows: the first of another length, not UTF-8, or never closed."""
    csv.field_size_limit(LONGEST_LINE_BYTES)
    number = -1
    with _text(path) as file:
        try:
            for row in csv.reader(file, delimiter=delimiter, strict=True):
                # DuckDB passes over blank lines.
                number += bool(row)
                if row and (len(row) != width or re.search("[\udc80-\udcff]", "".join(row))):
                    return number
        except csv.Error:
            return number + 1
    return None


def _first_malformed_row(path: Path) -> int | None:
    """DuckDB's line numbers of JSONL are off by one or more, so count again."""
    with _text(path) as file:
        for row, line in enumerate((line for line in file if line.strip()), start=1):
            try:
                json.loads(line)
            except json.JSONDecodeError:
                return row
    return None
