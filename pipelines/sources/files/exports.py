"""Exports of vendors' products: files as the product writes them, mapped to canonical tables by one TOML file a vendor."""

import hashlib
import tomllib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from pipelines.contract import tables
from pipelines.errors import Problem, SourceError, shorten
from pipelines.sources.files.casting import Caster
from pipelines.sources.files.folder import InputFile, Survey, ending_of, in_order_of_age, visible_files, with_compressions
from pipelines.sources.files.readers import OWN_COLUMNS, PLACE, FileReader
from pipelines.sql import identifier, literal

FOLDER = Path(__file__).parent
MOST_SHOWN_CHARACTERS = 300
# What a spreadsheet is told not to compute, or not to take for a number.
EXCEL_APOSTROPHE = "'^''([=+@0-9-])', '\\1'"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kind(_Part):
    """One kind of file: places of each of its columns, and which must be there; or why it is left out."""

    columns: dict[str, list[str | list[str]]] = {}
    required: list[str] = []
    left_out: str | None = None


class Mapped(_Part):
    """A canonical table: made where a file of one of `kinds` is there, by SQL over the tables `export_<kind>`."""

    kinds: list[str]
    sql: str


class Note(_Part):
    """A number to tell, unless it is zero."""

    sql: str
    says: str


class Export(_Part):
    """How one vendor's exports are read.

    Args:
        title: what they are called, for messages.
        cannot_hold: what can't be measured from them.
        told_by: the kind of a file, then the columns that tell it; the first that match count.
        endings: reader by ending.
        refused: why files of an ending are not read, by ending.
        kinds: kinds of files.
        tables: canonical tables made.
        notes: what else is told of a load.
    """

    title: str
    cannot_hold: str
    told_by: list[list[str]]
    endings: dict[str, str]
    refused: dict[str, str]
    kinds: dict[str, Kind]
    tables: dict[str, Mapped]
    notes: list[Note] = []

    @property
    def headers(self) -> set[str]:
        """Every column that the export is known to have."""
        places = [place for kind in self.kinds.values() for each in kind.columns.values() for place in each]
        return {_column(place) for place in places} | {name for _, *names in self.told_by for name in names}


@cache
def export_named(name: str) -> Export:
    """The vendor's export of that name."""
    return Export.model_validate(tomllib.loads((FOLDER / f"{name}.toml").read_text()))


@cache
def mapping_sha(name: str) -> str:
    """SHA-256 of a vendor's mapping: what was landed with another is landed anew."""
    return hashlib.sha256((FOLDER / f"{name}.toml").read_bytes()).hexdigest()


def survey_export(folder: Path, name: str) -> Survey:
    """The export's files at any depth; which kind each is, its content tells later."""
    export = export_named(name)
    formats = with_compressions(export.endings)
    files, problems = [], []
    for path in visible_files(folder):
        shown = path.relative_to(folder).as_posix()
        ending = ending_of(path.name.lower(), formats)
        refused = ending_of(path.name.lower(), with_compressions(export.refused))
        if ending is not None:
            files.append(InputFile(path, shown, formats[ending], shown[: -len(ending)]))
        elif refused is not None:
            problems.append(Problem(shown, with_compressions(export.refused)[refused]))
    files = in_order_of_age(files, problems)
    if not files and not problems:
        problems.append(Problem(str(folder), f"holds no file of {export.title} ({', '.join(export.endings)})."))
    return Survey({name: files} if files else {}, problems)


class ExportReader:
    """Reads the files of one vendor's export into canonical tables.

    Args:
        connection: an in-memory database of the caller's.
        source_id: of the rows.
        time_zone: IANA zone of times without one; None refuses them.
        name: of the export.
        tell: told what is left out, a sentence each.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, source_id: str, time_zone: str | None, name: str, tell: Callable[[str], None]
    ) -> None:
        self.connection = connection
        self.source_id = source_id
        self.time_zone = time_zone
        self.export = export_named(name)
        self.tell = tell
        self.names: list[str] = []
        self.read_kinds: dict[str, InputFile] = {}
        self.unused: dict[str, set[str]] = {}

    def read(self, files: Collection[InputFile], problems: list[Problem]) -> dict[str, str]:
        """Make canonical tables of the files; add what is wrong to `problems`.

        Returns:
            Name of the made table by canonical table.
        """
        for name, kind in self.export.kinds.items():
            columns = ", ".join(f"{identifier(column)} varchar" for column in kind.columns)
            place = "_file_number bigint, _row_number bigint"
            self.connection.execute(f"create or replace temp table export_{name} ({place}{', ' if columns else ''}{columns})")
        self.names = [file.name for file in files]
        for number, file in enumerate(files, start=1):
            try:
                self._add(file, number)
            except SourceError as error:
                problems.extend(error.problems)
        if problems:
            return {}
        made = {}
        for name, mapped in self.export.tables.items():
            if first := next((self.read_kinds[kind] for kind in mapped.kinds if kind in self.read_kinds), None):
                try:
                    self._make(name, mapped, first)
                    made[name] = name
                except SourceError as error:
                    problems.extend(error.problems)
        if not problems:
            self._tell_all(made)
        return made

    def _add(self, file: InputFile, number: int) -> None:
        """Append a file's rows to the table of its kind."""
        present = FileReader(self.connection, self.source_id, file, number, self.export.headers).read()
        name = self._kind_of(file, present)
        kind = self.export.kinds[name]
        if kind.left_out is not None:
            self.tell(f"{file.name} is left out: {kind.left_out}.")
            return
        spelt = {column.lower(): column for column in present}
        if missing := [column for column in kind.required if not _places(kind.columns[column], spelt)]:
            raise SourceError(self.source_id, [self._missing(file, name, kind.columns[column], present) for column in missing])
        values = [_value(_places(places, spelt), file.kind) for places in kind.columns.values()]
        self.connection.execute(f"insert into export_{name} select {', '.join([*PLACE, *values])} from one_file")
        self.read_kinds.setdefault(name, file)
        used = {_column(place).lower() for places in kind.columns.values() for place in places}
        self.unused.setdefault(name, set()).update(column for column in present if column.lower() not in used)

    def _kind_of(self, file: InputFile, present: Collection[str]) -> str:
        there = {name.lower() for name in present}
        for kind, *names in self.export.told_by:
            if {name.lower() for name in names} <= there:
                return kind
        told = "; ".join(f"{kind} by {', '.join(names)}" for kind, *names in self.export.told_by)
        what = f"is no file of {self.export.title} that is known ({told}). {_shown(present)} Export it in English, or move it away."
        raise SourceError(self.source_id, [Problem(file.name, what)])

    def _missing(self, file: InputFile, kind: str, places: list[str | list[str]], present: Collection[str]) -> Problem:
        what = f"is required of {kind} and not there. Add it to the export; if it has another name now, give it this one. {_shown(present)}"
        return Problem(file.name, what, _column(places[0]))

    def _make(self, name: str, mapped: Mapped, first: InputFile) -> None:
        self.connection.execute(f"create or replace temp table as_is as {mapped.sql}")
        described = self.connection.execute("describe as_is").fetchall()
        present = {column: data_type for column, data_type, *_ in described if column not in OWN_COLUMNS}
        shown = {
            column: _column(places[0]) for kind in mapped.kinds for column, places in self.export.kinds[kind].columns.items() if places
        }
        caster = Caster(self.connection, tables()[name], self.source_id, self.time_zone, self.names, shown)
        caster.require(present, first.name)
        caster.cast(present)
        self.connection.execute(f"drop table if exists {name}; alter table checked rename to {name}")

    def _tell_all(self, made: Collection[str]) -> None:
        for kind, columns in self.unused.items():
            if columns:
                self.tell(f"Columns of {kind} that are not used: {shorten(', '.join(sorted(columns)), MOST_SHOWN_CHARACTERS)}.")
        for note in self.export.notes if made else []:
            try:
                (number,) = self.connection.execute(note.sql).fetchall()[0]
            except duckdb.CatalogException:
                # It is about a table that no file was there for.
                continue
            if number:
                self.tell(note.says.format(f"{number:,}"))
        self.tell(self.export.cannot_hold)


def _column(place: str | list[str]) -> str:
    return place if isinstance(place, str) else place[0]


def _places(places: list[str | list[str]], spelt: Mapping[str, str]) -> list[list[str]]:
    """The places that a file has, each as its column, as the file spells it, and the way into it."""
    ways = [[place] if isinstance(place, str) else place for place in places]
    return [[spelt[column.lower()], *way] for column, *way in ways if column.lower() in spelt]


def _value(places: list[list[str]], kind: str) -> str:
    """SQL for the first of some places that is filled."""
    values = []
    for column, *way in places:
        value = identifier(column)
        if way:
            value = f"({value}::json ->> {literal('/' + '/'.join(way))})"
        if kind == "csv":
            value = f"regexp_replace(trim({value}), {EXCEL_APOSTROPHE})"
        values.append(f"nullif({value}, '')")
    return f"coalesce({', '.join(values)})" if values else "null"


def _shown(columns: Collection[str]) -> str:
    return f"It has: {shorten(', '.join(columns), MOST_SHOWN_CHARACTERS)}."
