"""Landing: what sources sent, as immutable Parquet with a manifest. All else can be rebuilt from it."""

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.contract import Table, tables
from pipelines.erasure.incoming import sift_tables
from pipelines.erasure.tombstones import Tombstones
from pipelines.errors import Problem, SourceError
from pipelines.files_io import fsync, replace_durably, sha256_of, write_text_durably
from pipelines.sources.files import FilesSource
from pipelines.sources.files.folder import InputFile
from pipelines.sql import literal

logger = logging.getLogger(__name__)

REWRITTEN = ".rewritten"


def rewritten(path: Path) -> Path:
    """Where a landed file's successor is prepared."""
    return path.with_name(f".{path.name}{REWRITTEN}")


@dataclass(frozen=True)
class LandedFile:
    """One landed Parquet file: `path` is relative to the landing folder, `origin` what it was read from.

    Landed files of a folder say of each row which file it stood in, by `_file` and `_file_number` (the newest has the highest).

    Args:
        path: relative to the landing folder.
        sha256: of its bytes.
        rows: in it.
        origin: what it was read from.
        erased: rows left out, or taken out later, at a person's request.
    """

    path: str
    sha256: str
    rows: int
    origin: str
    erased: int = 0


@dataclass(frozen=True)
class Load:
    """One complete load of one source; it exists once its manifest does.

    Args:
        load_id: rises with every load of the source.
        inputs: SHA-256 of each file read, by its path below the folder; of each landed file where an API was read.
        tables: landed file by canonical table, or by raw table of a source system.
        system: the source system; None for files.
        cursors: where the next sync goes on, by table.
        notes: what was left out of what was read, a sentence each.
        erasures: each time that its files were rewritten to erase a person: receipt, instant, and by table what was changed.
    """

    load_id: str
    source_id: str
    started_at: str
    finished_at: str
    contract_sha: str
    time_zone: str | None
    inputs: dict[str, str] = field(default_factory=dict)
    tables: dict[str, LandedFile] = field(default_factory=dict)
    system: str | None = None
    cursors: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    erasures: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        return sum(landed.rows for landed in self.tables.values())


class Landing:
    """The landing folder of one home.

    Args:
        root: the folder.
        tombstones: of erased persons, whose rows are left out of what is landed.
    """

    def __init__(self, root: Path, tombstones: Tombstones | None = None) -> None:
        self.root = root
        self.tombstones = tombstones

    def _manifests(self, source_id: str) -> Path:
        return self.root / source_id / "_manifests"

    def newest(self, source_id: str) -> Load | None:
        """The source's last complete load, or None where it never had one."""
        manifests = self._sorted_manifests(source_id)
        return self._load(manifests[-1]) if manifests else None

    def loads(self, source_id: str) -> list[Load]:
        """Every complete load of the source, in the order in which they were landed."""
        return [self._load(manifest) for manifest in self._sorted_manifests(source_id)]

    def _sorted_manifests(self, source_id: str) -> list[Path]:
        # Ids are numbers, of which text order knows nothing once they grow by a digit.
        return sorted(self._manifests(source_id).glob("*.json"), key=lambda path: float(path.stem))

    def _load(self, manifest: Path) -> Load:
        content = json.loads(manifest.read_text())
        content["tables"] = {name: LandedFile(**landed) for name, landed in content["tables"].items()}
        return Load(**content)

    def adopt(self, source_id: str, system: str, dataset: str, cursors: dict[str, Any]) -> list[Load]:
        """Write the manifest of every load that dlt has finished and that has none yet.

        Args:
            source_id: the source.
            system: the source system.
            dataset: the folder below the source's that dlt loads into.
            cursors: where the next sync goes on, by table.

        Returns:
            The loads adopted now that hold rows, oldest first.
        """
        folder = self.root / source_id / dataset
        manifests = self._manifests(source_id)
        manifests.mkdir(parents=True, exist_ok=True)
        adopted = []
        done = {path.name.rpartition("__")[2].removesuffix(".jsonl") for path in (folder / "_dlt_loads").glob("*.jsonl")}
        for load_id in sorted(done, key=float):
            files = sorted(folder.glob(f"*/{load_id}.*.parquet"))
            if (manifests / f"{load_id}.json").exists() or not files:
                continue
            load = self._adopted(source_id, system, load_id, files, cursors)
            write_text_durably(manifests / f"{load_id}.json", json.dumps(asdict(load), indent=1))
            adopted.append(load)
        return adopted

    def _adopted(self, source_id: str, system: str, load_id: str, files: list[Path], cursors: dict[str, Any]) -> Load:
        tables = {}
        for path in files:
            fsync(path)
            rows = duckdb.execute(f"select count(*) from read_parquet({literal(path)}, hive_partitioning = false)").fetchall()
            name = path.parent.name
            if name in tables:
                raise SourceError(source_id, [Problem(name, f"was landed in two files by load {load_id}. Report this.")])
            tables[name] = LandedFile(str(path.relative_to(self.root)), sha256_of(path), rows[0][0], system)
        started = datetime.fromtimestamp(float(load_id), UTC).isoformat()
        inputs = {landed.path: landed.sha256 for landed in tables.values()}
        finished = datetime.now(UTC).isoformat()
        return Load(load_id, source_id, started, finished, "", None, inputs, tables, system, cursors)

    def land(self, source: FilesSource, temp: Path) -> Load:
        """Bring a source's files in, unless the newest load holds the very same content.

        Raises:
            SourceError: a file does not fit the contract; nothing is landed then.
        """
        started_at = datetime.now(UTC)
        found = source.survey()
        inputs = {file.name: _sha256(source, file) for file in found.all_files}
        previous = None if found.problems else self.newest(source.source_id)
        if previous and (previous.inputs, previous.contract_sha, previous.time_zone) == (inputs, source.contract_sha, source.time_zone):
            return previous
        load_id = self._next_id(source.source_id)
        notes: list[str] = []
        with duckdb.connect(":memory:", config={"temp_directory": str(temp)}) as connection:
            connection.execute("set TimeZone = 'UTC'")
            made = source.read(connection, notes.append, found)
            erased = sift_tables(connection, made, self.tombstones) if self.tombstones else {}
            landed = {
                name: replace(
                    self._write(connection, source.source_id, tables()[name], load_id, found.files.get(name) or found.all_files),
                    erased=erased.get(name, 0),
                )
                for name in made
            }
        load = Load(
            load_id=load_id,
            source_id=source.source_id,
            started_at=started_at.isoformat(),
            finished_at=datetime.now(UTC).isoformat(),
            contract_sha=source.contract_sha,
            time_zone=source.time_zone,
            inputs=inputs,
            tables=landed,
            notes=notes,
        )
        manifests = self._manifests(source.source_id)
        manifests.mkdir(parents=True, exist_ok=True)
        write_text_durably(manifests / f"{load_id}.json", json.dumps(asdict(load), indent=1))
        return load

    def _next_id(self, source_id: str) -> str:
        previous = self.newest(source_id)
        return f"{1 + (int(previous.load_id) if previous else 0):08d}"

    def _write(
        self, connection: duckdb.DuckDBPyConnection, source_id: str, table: Table, load_id: str, files: list[InputFile]
    ) -> LandedFile:
        folder = self.root / source_id / table.name
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{load_id}.parquet"
        temporary = folder / f".{load_id}.parquet.tmp"
        # Several rows may come from one line of an export.
        order = ", ".join(["_file_number", "_row_number", *table.key])
        names = [file.name for file in files]
        rows = f"select *, [{', '.join(map(literal, names))}][_file_number] as _file from {table.name} order by {order}"
        connection.execute(f"copy ({rows}) to {literal(temporary)} (format parquet, compression zstd)")
        said = connection.execute(f"select _file_number, count(*) from {table.name} group by all order by all").fetchall()
        sha256 = sha256_of(temporary)
        replace_durably(temporary, target)
        read = [names[number - 1] for number, _ in said] or names
        origin = read[0] if len(read) == 1 else f"{len(read)} files, the newest {read[-1]}"
        return LandedFile(str(target.relative_to(self.root)), sha256, sum(rows for _, rows in said), origin)

    def source_ids(self) -> list[str]:
        """Sources that have a complete load, configured still or not."""
        return sorted(path.parent.name for path in self.root.glob("*/_manifests") if any(path.glob("*.json")))

    def rewrite(self, load: Load, changed: dict[str, LandedFile], note: dict[str, Any]) -> None:
        """Put what stands at `rewritten(path)` in the place of landed files: the one change of an immutable file, for an erasure.

        The next manifest is written first, beside the old one: after a kill `finish_rewrites` goes on from it.

        Args:
            load: whose files.
            changed: the rewritten files by table.
            note: for the manifest.
        """
        by_path = {landed.path: landed.sha256 for landed in changed.values()}
        inputs = {name: by_path.get(name, sha256) for name, sha256 in load.inputs.items()}
        following = replace(load, tables={**load.tables, **changed}, inputs=inputs, erasures=[*load.erasures, note])
        write_text_durably(self._manifests(load.source_id) / f".{load.load_id}.rewriting", json.dumps(asdict(following), indent=1))
        self.finish_rewrites(load.source_id)

    def finish_rewrites(self, source_id: str) -> None:
        """Finish what a killed rewrite began; delete what it left where it had not begun."""
        for following in sorted(self._manifests(source_id).glob(".*.rewriting")):
            load = self._load(following)
            for landed in load.tables.values():
                if rewritten(self.root / landed.path).exists():
                    replace_durably(rewritten(self.root / landed.path), self.root / landed.path)
            replace_durably(following, self._manifests(source_id) / f"{load.load_id}.json")
        for left in (self.root / source_id).rglob(f".*{REWRITTEN}"):
            left.unlink()

    def verify(self, load: Load) -> None:
        """Compare every landed file with its manifest.

        Raises:
            SourceError: a file is gone or not what was landed.
        """
        if (self._manifests(load.source_id) / f".{load.load_id}.rewriting").exists():
            cut = "is a load in which an erasure was cut off. `twoway run`, or `twoway erase` again, finishes it."
            raise SourceError(load.source_id, [Problem(load.load_id, cut)])
        problems = []
        for landed in load.tables.values():
            path = self.root / landed.path
            if not path.exists():
                problems.append(
                    Problem(landed.path, "was landed and is gone. Restore it from a backup, or remove its manifest to land anew.")
                )
            elif sha256_of(path) != landed.sha256:
                problems.append(
                    Problem(landed.path, "is not what was landed (sha256 differs). Restore it, or remove its manifest to land anew.")
                )
        if problems:
            raise SourceError(load.source_id, problems)


def _sha256(source: FilesSource, file: InputFile) -> str:
    try:
        return sha256_of(file.path)
    except OSError as error:
        what = f"can't be opened ({error.strerror}). Check that it may be read, or remove it."
        raise SourceError(source.source_id, [Problem(file.name, what)]) from error


def landed_rows(connection: duckdb.DuckDBPyConnection, path: Path, origin: str) -> str:
    """SQL for the rows of a landed file of a folder, each with the file that it stood in.

    Args:
        connection: any.
        path: the landed file.
        origin: the file that it was read from, where it was landed before rows said so.
    """
    rows = f"select * from read_parquet({literal(path)}, hive_partitioning = false)"
    if "_file" in {name for name, *_ in connection.execute(f"describe {rows}").fetchall()}:
        return rows
    return f"select *, {literal(origin)} as _file, 1::bigint as _file_number from ({rows})"
