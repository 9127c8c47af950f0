"""A configured folder as a source: what it holds, and its rows as canonical tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

import duckdb

from pipelines.contract import Table, contract_sha, tables
from pipelines.errors import Problem, SourceError
from pipelines.sources.files.casting import Caster
from pipelines.sources.files.exports import ExportReader, mapping_sha, survey_export
from pipelines.sources.files.folder import InputFile, Survey, survey_canonical
from pipelines.sources.files.readers import FileReader

CONFIG_FILE = "twoway.toml"
NO_ZONE = "which is not an IANA time zone like Europe/Berlin. Correct it."
CANONICAL = "canonical"


def _quiet(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class FilesSource:
    """A configured folder.

    Args:
        source_id: name of the source; also the `source_id` of rows that name none.
        folder: where the files are.
        time_zone: IANA zone of timestamps without one; None refuses them.
        format: `canonical`, or the name of a vendor's export.
    """

    source_id: str
    folder: Path
    time_zone: str | None = None
    format: str = CANONICAL

    def survey(self) -> Survey:
        """Find the folder's files, and all that is wrong with their names.

        Raises:
            SourceError: the folder is missing, or the source's time zone does not exist.
        """
        if self.time_zone is not None and self.time_zone not in available_timezones():
            raise SourceError(self.source_id, [Problem(CONFIG_FILE, f"time_zone of {self.source_id} is {self.time_zone!r}, {NO_ZONE}")])
        if not self.folder.is_dir():
            raise SourceError(self.source_id, [Problem(str(self.folder), "is not a folder. Check --input or twoway.toml.")])
        return survey_canonical(self.folder) if self.format == CANONICAL else survey_export(self.folder, self.format)

    def discover(self) -> dict[str, list[InputFile]]:
        """Find the folder's files by canonical table, or by the name of the vendor's export, oldest first.

        Raises:
            SourceError: the folder is missing or holds no table, a data file is named after no canonical table,
                or two files of a table can't be told apart by age.
        """
        found = self.survey()
        if found.problems:
            raise SourceError(self.source_id, found.problems)
        return found.files

    @property
    def contract_sha(self) -> str:
        """SHA-256 of what the files are read with: the contract, and the mapping of a vendor's export."""
        return contract_sha() if self.format == CANONICAL else f"{contract_sha()} {mapping_sha(self.format)}"

    def read(
        self, connection: duckdb.DuckDBPyConnection, tell: Callable[[str], None] = _quiet, found: Survey | None = None
    ) -> dict[str, str]:
        """Read and check every file of the folder.

        Args:
            connection: an in-memory database of the caller's; one table per canonical table is made in it.
            tell: told what is left out, a sentence each.
            found: the survey to go by; a new one, if left out.

        Returns:
            Name of the made table by canonical table. Columns: the contract's, then `_file_number` (BIGINT, the file's
            place in the survey, from 1), `_row_number` (BIGINT, data rows of the file from 1) and `_extra` (JSON, columns outside
            the contract; null if none).

        Raises:
            SourceError: with every problem of every file.
        """
        found = found or self.survey()
        problems = list(found.problems)
        if self.format == CANONICAL:
            made = self._read_canonical(connection, found, problems)
        else:
            made = ExportReader(connection, self.source_id, self.time_zone, self.format, tell).read(found.all_files, problems)
        if problems:
            raise SourceError(self.source_id, problems)
        return made

    def _read_canonical(self, connection: duckdb.DuckDBPyConnection, found: Survey, problems: list[Problem]) -> dict[str, str]:
        for name, files in found.files.items():
            connection.execute(f"drop table if exists {name}")
            _TableReader(self, connection, tables()[name], problems).read(files)
        return {name: name for name in found.files}


class _TableReader:
    """Reads the files of one canonical table, whose columns may differ; those of one shape are cast together."""

    def __init__(self, source: FilesSource, connection: duckdb.DuckDBPyConnection, table: Table, problems: list[Problem]) -> None:
        self.source = source
        self.connection = connection
        self.table = table
        self.problems = problems
        self.names: list[str] = []
        self.shape: dict[str, str] = {}
        self.is_made = False

    def read(self, files: Sequence[InputFile]) -> None:
        known = {column.name for column in self.table.columns}
        self.names = [file.name for file in files]
        for number, file in enumerate(files, start=1):
            try:
                present = FileReader(self.connection, self.source.source_id, file, number, known).read()
                self._caster().require(present, file.name)
            except SourceError as error:
                self.problems.extend(error.problems)
            else:
                self._stack(present)
        self._cast()

    def _caster(self) -> Caster:
        return Caster(self.connection, self.table, self.source.source_id, self.source.time_zone, self.names, {})

    def _stack(self, present: dict[str, str]) -> None:
        if present == self.shape:
            self.connection.execute("insert into as_is by name from one_file")
            return
        self._cast()
        self.connection.execute("alter table one_file rename to as_is")
        self.shape = present

    def _cast(self) -> None:
        """Append what was stacked to the table, and forget it."""
        if not self.shape:
            return
        name = self.table.name
        try:
            self._caster().cast(self.shape)
            self.connection.execute(f"insert into {name} from checked" if self.is_made else f"alter table checked rename to {name}")
            self.is_made = True
        except SourceError as error:
            self.problems.extend(error.problems)
        self.connection.execute("drop table as_is")
        self.shape = {}
