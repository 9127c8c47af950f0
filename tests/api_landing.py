"""What landing holds of a source system, read with DuckDB alone: for tests that compare it with what the fake holds."""

import os
import pkgutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt.destinations  # noqa: F401
import duckdb
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

from pipelines.errors import SourceError
from pipelines.landing import Landing, Load
from pipelines.sources.kit.endpoints import System, SystemSettings
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.redaction import Redactor
from pipelines.sources.kit.sync import ApiSource, sync
from tests.fakes.faults import Faults
from tests.fakes.paged import SHOP, TOKEN

SOURCE_ID = "my-shop"
Row = dict[str, Any]


class Client:
    """A configured shop; `api` is the last sync's, whose waits are noted in `waits` instead of waited for."""

    def __init__(self, url: str, system: System = SHOP, *, timeout_seconds: float = 30.0, rows_per_load: int = 200_000) -> None:
        self.url = url
        self.timeout_seconds = timeout_seconds
        self.waits: list[float] = []
        self.source = ApiSource(
            system, SystemSettings(id=SOURCE_ID, system=system.name, base_url=f"{url}/v1/"), self.connect, rows_per_load
        )

    def connect(self) -> Api:
        auth, redact = BearerTokenAuth(token=TOKEN), Redactor([TOKEN])
        self.api = Api(
            SOURCE_ID, f"{self.url}/v1/", auth, redact=redact, timeout_seconds=self.timeout_seconds, sleep=self.waits.append, seed=1
        )
        return self.api

    def sync(self, folder: Path, tell: Callable[[str], None] = lambda _: None) -> list[Load]:
        return sync(self.source, Landing(folder), tell)


def hurried(api: Api, timeout_seconds: float = 1.0) -> Api:
    """The API without waits between its tries; one answer may take a second, less than `Faults` lets one hang."""
    api.sleep = lambda _: None
    api.timeout_seconds = timeout_seconds
    api.__post_init__()
    return api


def sync_on_a_bad_day(source: ApiSource, landing: Landing, faults: Faults | None = None) -> None:
    """Sync until it ends. Two refusals of the token in a row stop a sync, as they must: the next one goes on.

    Args:
        source: to sync.
        landing: to sync into.
        faults: that forget their answers between two syncs: a page repeats one of the same listing.

    Raises:
        AssertionError: six syncs in a row were stopped.
    """
    for _ in range(6):
        try:
            sync(source, landing)
        except SourceError as error:
            if "refuses the token" not in str(error):
                raise
            if faults is not None:
                faults.last.clear()
        else:
            return
    raise AssertionError("six syncs in a row were stopped")


def rows_landed(folder: Path, table: str, source_id: str = SOURCE_ID) -> list[Row]:
    """Every row of every complete load, in the order in which they were landed."""
    landing = Landing(folder)
    files = [landing.root / load.tables[table].path for load in landing.loads(source_id) if table in load.tables]
    found: list[Row] = []
    with duckdb.connect(":memory:") as connection:
        for file in files:
            result = connection.execute("select * from read_parquet(?, hive_partitioning = false)", [str(file)])
            names = [column[0] for column in result.description or []]
            found += [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return found


def newest_versions(folder: Path, table: str, key: str = "id") -> dict[str, Row]:
    """The last landed row of each record that is not deleted."""
    last = {row[key]: row for row in rows_landed(folder, table)}
    return {each: row for each, row in last.items() if not row["_is_deleted"]}


def n_repeated(folder: Path, table: str) -> int:
    """Rows beyond the first of each content."""
    counts = Counter(repr(sorted(row.items())) for row in rows_landed(folder, table))
    return sum(counts.values()) - len(counts)


def child(url: str, folder: str, rows_per_load: int, die_at: str) -> None:
    """A sync in a process of its own; it kills itself at `die_at`, where one is given.

    Args:
        die_at: `before` or `after` and the dotted path of a function, or `unlinked` and the name of a file.
    """
    when, _, what = die_at.partition(" ")
    if when == "unlinked":
        _die_once_unlinked(what)
    elif when:
        _die_at(when, what)
    Client(url, rows_per_load=rows_per_load).sync(Path(folder))


def _die_at(when: str, path: str) -> None:
    holder_path, _, name = path.rpartition(".")
    holder: Any = pkgutil.resolve_name(holder_path)
    original = getattr(holder, name)

    def deadly(*arguments: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(holder, name, deadly)


def _die_once_unlinked(name: str) -> None:
    original = os.unlink

    def deadly(path: Any, **named: Any) -> None:
        original(path, **named)
        if Path(path).name == name:
            os.kill(os.getpid(), signal.SIGKILL)

    os.unlink = deadly  # ty: ignore[invalid-assignment]
