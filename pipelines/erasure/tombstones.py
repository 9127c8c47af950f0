"""What is kept of an erased person: keyed hashes, by which later rows of that person are known and left out."""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from pipelines.errors import ConfigError
from pipelines.files_io import fsync, write_text_durably
from pipelines.sql import literal

FILE = "tombstones.jsonl"
HASH_LENGTH = 32
SEPARATOR = "\x1f"
BLOCK_BYTES = 64
CHECK = "check"
# `person` and `record` are ids within a source; the others name a person anywhere, `token` and `phone` within a text.
KINDS = ("person", "anywhere", "identifier", "record", "token", "phone")


class Tombstones:
    """The erased persons of one home, by hashes alone.

    Args:
        folder: `<home>/erasures`.
        key: the home's key of persons.

    Raises:
        ConfigError: the home's tombstones were made with another key, or can't be read.
    """

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self.key = key
        self.hashes: dict[str, set[str]] = defaultdict(set)
        if self._file.exists():
            self._read()

    @property
    def _file(self) -> Path:
        return self.folder / FILE

    def __len__(self) -> int:
        return sum(map(len, self.hashes.values()))

    def hash_of(self, kind: str, *parts: str) -> str:
        """Keyed hash (HMAC-SHA-256, first 128 bits in hex) of a kind and its parts."""
        text = SEPARATOR.join([kind, *parts])
        return hmac.digest(self.key, text.encode(), "sha256").hex()[:HASH_LENGTH]

    def holds(self, kind: str, *parts: str) -> bool:
        """Whether these parts were erased."""
        return self.hash_of(kind, *parts) in self.hashes[kind]

    def add(self, hashes: Mapping[str, Iterable[str]]) -> int:
        """Note hashes by kind, durably; says how many were new."""
        new = {kind: set(found) - self.hashes[kind] for kind, found in hashes.items()}
        lines = [json.dumps({"kind": kind, "hash": each}) for kind in KINDS for each in sorted(new.get(kind, ()))]
        if not lines:
            return 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._file.exists():
            write_text_durably(self._file, json.dumps({"kind": CHECK, "hash": self.hash_of(CHECK)}) + "\n", mode=0o600)
        # Appended whole or, after a kill, in part: a last line that was cut off is left out and added again by what comes next.
        with self._file.open("a") as file:
            file.write("\n".join(["", *lines, ""]))
        fsync(self._file)
        for kind, found in new.items():
            self.hashes[kind] |= found
        return len(lines)

    def _read(self) -> None:
        for number, line in enumerate(self._file.read_text().splitlines()):
            try:
                entry = json.loads(line) if line.strip() else None
            except ValueError:
                continue
            if entry is None:
                continue
            if number == 0 and entry != {"kind": CHECK, "hash": self.hash_of(CHECK)}:
                raise ConfigError(
                    f"{self._file} was made with another key, so that erased persons would come back. Set TWOWAY_SECRET_KEY, or restore"
                    " secret.key, to what it was when they were erased."
                )
            if number:
                self.hashes[entry["kind"]].add(entry["hash"])

    def prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the table `erased` (kind, hash), and the macro `erasure_hash` over an array of texts, in a connection."""
        inner, outer = self._pads()
        connection.execute(
            "create or replace temp macro erasure_hash(parts) as left(sha256("
            f"unhex('{outer}') || unhex(sha256(unhex('{inner}') || encode(array_to_string(parts, {literal(SEPARATOR)}))))), {HASH_LENGTH})"
        )
        connection.execute("create or replace temp table erased (kind varchar, hash varchar)")
        self.refresh(connection, {kind: set(found) for kind, found in self.hashes.items()})

    def refresh(self, connection: duckdb.DuckDBPyConnection, new: Mapping[str, Iterable[str]]) -> None:
        """Put further hashes into a prepared connection's table."""
        rows = [(kind, each) for kind, found in new.items() for each in found]
        if rows:
            import pyarrow as pa

            connection.register("new_hashes", pa.table({"kind": [kind for kind, _ in rows], "hash": [each for _, each in rows]}))
            connection.execute("insert into erased select kind, hash from new_hashes except select kind, hash from erased")
            connection.unregister("new_hashes")
        # A lambda of SQL can't look into a table.
        connection.execute("set variable erased_persons = (select coalesce(list(hash), []) from erased where kind = 'person')")

    def _pads(self) -> tuple[str, str]:
        key = hashlib.sha256(self.key).digest() if len(self.key) > BLOCK_BYTES else self.key
        key = key.ljust(BLOCK_BYTES, b"\0")
        return bytes(byte ^ 0x36 for byte in key).hex(), bytes(byte ^ 0x5C for byte in key).hex()
