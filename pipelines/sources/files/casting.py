"""Rows as a file says them, cast to the canonical contract and checked."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import duckdb

from pipelines.contract import Column, Table
from pipelines.errors import Problem, SourceError
from pipelines.sql import identifier, literal

ZONED = r"(Z|z| UTC|[+-]\d{2}(:?\d{2})?)$"
LOCAL_TIME = r"^([0-3]\d|4[0-7]):[0-5]\d(:00)?$"
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


class Caster:
    """Casts `as_is` to a canonical table `checked`: the contract's columns, then the rows' place and `_extra`.

    Args:
        connection: where `as_is` is.
        table: the canonical table.
        source_id: of rows that name none.
        time_zone: IANA zone of timestamps without one; None refuses them.
        files: names of the files, the first of number 1.
        shown: what columns are called in the file, where that is not their canonical name.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: Table,
        source_id: str,
        time_zone: str | None,
        files: Sequence[str],
        shown: Mapping[str, str],
    ) -> None:
        self.connection = connection
        self.table = table
        self.source_id = source_id
        self.time_zone = time_zone
        self.files = files
        self.shown = shown
        self.problems: list[Problem] = []

    def require(self, present: Collection[str], file_name: str) -> None:
        """Check that a file has every column that it must have.

        Raises:
            SourceError: naming those that are not there.
        """
        missing = [self._name(column) for column in self.table.columns if column.is_required and column.name not in present]
        what = "is a required column and not there. Add it to the file."
        if missing:
            raise SourceError(self.source_id, [Problem(file_name, what, name) for name in missing])

    def cast(self, present: Mapping[str, str]) -> None:
        """Make `checked`.

        Args:
            present: types of the columns of `as_is` by name.

        Raises:
            SourceError: with the first cell of each column and file that does not fit, and the first key that clashes.
        """
        self._cast(present)
        self._check_required()
        self._check_key()
        self._raise_if_any()

    def _raise_if_any(self) -> None:
        if self.problems:
            raise SourceError(self.source_id, self.problems)

    def _name(self, column: Column) -> str:
        return self.shown.get(column.name, column.name)

    def _blame(self, column: Column, place: Mapping[str, object], what: str) -> None:
        value = place.get("value")
        self.problems.append(
            Problem(
                self.files[int(str(place["file"])) - 1],
                what,
                self._name(column),
                int(str(place["row"])),
                None if value is None else str(value),
            )
        )

    def _cast(self, present: Mapping[str, str]) -> None:
        """Make the checked table; report the first cell of each column that can't be cast."""
        casts = {c: self._cast_of(c, present[c.name]) for c in self.table.columns if c.name in present}
        for column, cast in casts.items():
            self._check_type(column, cast, present[column.name])
        self._raise_if_any()
        failures = self.connection.execute(
            "select "
            + ", ".join(
                f"{_first_place(f'{identifier(c.name)}::varchar')} filter ({failed})"
                for c in casts
                for failed in [f"where nullif({identifier(c.name)}::varchar, '') is not null and ({casts[c]}) is null"]
            )
            + " from as_is"
        ).fetchone()
        for (column, cast), place in zip(casts.items(), failures or [], strict=True):
            if place is not None:
                failed = f"nullif({identifier(column.name)}::varchar, '') is not null and ({cast}) is null"
                for each in self._first_of_each_file("as_is", failed, f"{identifier(column.name)}::varchar"):
                    self._blame(column, each, self._what_is_wrong(column, each["value"]))
        selected = [f"{casts.get(c, 'null')}::{c.data_type} as {identifier(c.name)}" for c in self.table.columns]
        selected[0] = f"coalesce({casts.get(self.table.columns[0], 'null')}, {literal(self.source_id)}) as source_id"
        known = {c.name for c in self.table.columns}
        extra = [name for name in present if name not in known]
        fields = ", ".join(f"{literal(name)}, {identifier(name)}" for name in extra)
        self.connection.execute(
            f"create or replace temp table checked as select {', '.join(selected)}, _file_number, _row_number,"
            f" {f'json_object({fields})' if extra else 'null::json'} as _extra from as_is"
        )

    def _check_type(self, column: Column, cast: str, native: str) -> None:
        """A column of a type that never fits, such as a number of bytes where a time belongs, fails before any row does."""
        try:
            self.connection.execute(f"select {cast} from as_is limit 0")
        except duckdb.Error:
            name = identifier(column.name)
            first = self.connection.execute(f"select {_first_place(f'{name}::varchar')} from as_is where {name} is not null").fetchone()
            what = f"is of type {native}, which can't be cast. Export it as text."
            if first is not None and first[0] is not None:
                self._blame(column, first[0], what)
            else:
                self.problems.append(Problem(self._any_file(), what, self._name(column)))

    def _any_file(self) -> str:
        (number,) = self.connection.execute("select min(_file_number) from as_is").fetchall()[0]
        return self.files[(number or len(self.files)) - 1]

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
        naive_zone = self.time_zone
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
            if self.time_zone is None and not re.search(ZONED, value):
                return "has no time zone. Write it like 2026-01-31T09:30:00Z, or set time_zone for this source in twoway.toml."
            return "is not a point in time. Write it like 2026-01-31T09:30:00Z."
        return f"is not {WANTED[column.format or column.data_type]}. Correct it in the file."

    def _check_required(self) -> None:
        filled = [column for column in self.table.columns if column.is_filled]
        empty = ", ".join(f"count(*) filter (where {identifier(column.name)} is null)" for column in filled)
        found = self.connection.execute(f"select {empty} from checked").fetchone() if filled else ()
        for column, n_empty in zip(filled, found or (), strict=True):
            if n_empty and not any(problem.column == self._name(column) for problem in self.problems):
                for each in self._first_of_each_file("checked", f"{identifier(column.name)} is null", "null"):
                    self._blame(column, each, "is required and empty. Fill it in.")

    def _first_of_each_file(self, relation: str, failed: str, value: str) -> list[dict[str, Any]]:
        query = f"select {_first_place(value)} from {relation} where {failed} group by _file_number order by _file_number"
        return [place for (place,) in self.connection.execute(query).fetchall()]

    def _check_key(self) -> None:
        """One key may come in several versions, but one version may have only one content."""
        key = ["source_id", *self.table.key, "updated_at", "_file_number"]
        key_values = [f"any_value({name})::varchar" for name in self.table.key]
        content = [identifier(c.name) for c in self.table.columns]
        clash = self.connection.execute(
            f"""
            select _file_number, min(_row_number) as first_row, max(_row_number) as last_row, {", ".join(key_values)}
            from checked
            where {" and ".join(f"{c.name} is not null" for c in self.table.columns if c.is_key and c.is_filled)}
            group by {", ".join(key)}
            having count(distinct hash({", ".join(content)})) > 1
            order by _file_number, last_row
            limit 1
            """
        ).fetchone()
        if clash is not None:
            file, first_row, last_row, *values = clash
            what = (
                f"stands in row {first_row} already, with other content and the same updated_at."
                " Keep one, or give each version its updated_at."
            )
            shown = ", ".join(str(value) for value in values)
            self.problems.append(
                Problem(self.files[file - 1], what, ", ".join(self.shown.get(name, name) for name in self.table.key), last_row, shown)
            )


def _first_place(value: str) -> str:
    """SQL for where the first of some rows stands, as a struct."""
    return f"arg_min({{'file': _file_number, 'row': _row_number, 'value': {value}}}, (_file_number, _row_number))"
