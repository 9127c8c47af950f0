"""One sync of one source system: pull, leave out what is known, land the rest, note where to go on.

dlt extracts, writes and loads the rows as packages, and keeps each endpoint's cursor with the package that holds its rows:
both are stored or neither is. A load is visible once its manifest is written. A long pull is cut into loads, so that a
killed one goes on from the last of them.
"""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from pipelines.erasure.incoming import PulledSieve
from pipelines.errors import SourceError
from pipelines.landing import Landing, Load
from pipelines.sources.kit.endpoints import Cursor, Endpoint, Pull, Record, System, SystemSettings
from pipelines.sources.kit.errors import ApiError, redacted, unexpected
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.known import KnownRows
from pipelines.sources.kit.leftovers import sweep
from pipelines.sources.kit.rows import BATCH_ROWS, batch_of, tombstones

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

ROWS_PER_LOAD = 200_000
SECONDS_PER_LOAD = 300.0
# Windows overlap by more; beyond it ages and waits look wrong.
CLOCK_SKEW_SECONDS = 60.0


@dataclass(frozen=True)
class ApiSource:
    """A configured source system.

    Args:
        system: which.
        settings: its entry of `twoway.toml`.
        connect: makes the API; called once a sync.
        rows_per_load: after how many pulled rows a load ends, at the next page that can be resumed from.
    """

    system: System
    settings: SystemSettings
    connect: Callable[[], Api]
    rows_per_load: int = ROWS_PER_LOAD

    @property
    def source_id(self) -> str:
        return self.settings.id

    def api(self) -> Api:
        """The API, which names in its messages the variables that hold the source's secrets."""
        made = self.connect()
        names = [self.system.variables(secret, self.source_id) for secret in self.system.secrets]
        made.variables = tuple(next((name for name in each if os.environ.get(name)), each[-1]) for each in names)
        return made

    def probe(self) -> str:
        """One cheap look at the source: what was seen, calls left, and whether the clocks differ, in a line.

        Raises:
            SourceError: what is wrong, and how to mend it.
        """
        api = self.api()
        said = [self.system.probe(api, self.settings)]
        if api.calls.remaining is not None:
            said.append(f"{api.calls.remaining:,} calls left")
        ahead = api.calls.clock_ahead_seconds
        if ahead is not None and abs(ahead) > CLOCK_SKEW_SECONDS:
            said.append(f"its clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's: set this one's by NTP")
        return ", ".join(said)


@dataclass
class Progress:
    """How far a sync is: `pulled` rows and `landed` ones of them by table, since `started` (monotonic seconds)."""

    started: float = field(default_factory=time.monotonic)
    pulled: dict[str, int] = field(default_factory=dict)
    landed: dict[str, int] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def line(self, table: str) -> str:
        """One line for people: table, rows, rows a second."""
        rate = sum(self.pulled.values()) / max(self.seconds, 1e-6)
        return f"{table}: {self.pulled[table]:,} read, {self.landed[table]:,} new or changed, {rate:,.0f} rows/s in all"


def sync(
    source: ApiSource,
    landing: Landing,
    tell: Callable[[str], None] = logger.info,
    since: datetime | None = None,
    progress: Progress | None = None,
) -> list[Load]:
    """Bring everything in that is new or changed at the source since its last sync.

    Args:
        source: which.
        landing: the home's landing folder.
        tell: told a line now and then.
        since: read what changed from this instant on once more, as if the first sync began there. What is known already is
            not landed again. A killed one goes on from where it got to.
        progress: counts what is read and landed.

    Returns:
        The loads made now; none where nothing changed.

    Raises:
        SourceError: the source can't be read further; loads made before stay, and the next sync goes on from them.
    """
    failure = None
    api = source.api()
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        return _synced(_Sync(source, landing, api, now, since, tell, progress or Progress()))
    except SourceError as error:
        failure = redacted(error, api.redact)
    raise failure


@dataclass(frozen=True)
class _Sync:
    """What the rounds of one sync share."""

    source: ApiSource
    landing: Landing
    api: Api
    until: datetime
    since: datetime | None
    tell: Callable[[str], None]
    progress: Progress


def finish_pending(source: ApiSource, landing: Landing) -> list[Load]:
    """Land what an earlier sync had pulled before it was killed; the source is not asked.

    Returns:
        The loads made now.
    """
    return _finish(_pipeline(source, landing.root), source, landing) if (landing.root / source.source_id / "_dlt").exists() else []


def _synced(whole: _Sync) -> list[Load]:
    pipeline = _pipeline(whole.source, whole.landing.root)
    made = _finish(pipeline, whole.source, whole.landing)
    todo = whole.source.system.endpoints
    is_first = True
    while todo:
        # What was cut goes on from its own cursor, which lies in the window by then.
        round_ = _Round(whole, todo, whole.since if is_first else None)
        _extract(pipeline, round_)
        made += _finish(pipeline, whole.source, whole.landing)
        todo, is_first = _unfinished(todo, round_.unfinished), False
    return made


def _unfinished(endpoints: tuple[Endpoint, ...], cut: set[str]) -> tuple[Endpoint, ...]:
    """Endpoints that have more to say, and those that ask for children of theirs, and for children of those."""
    again = set(cut)
    for endpoint in endpoints:
        if endpoint.parent in again:
            again.add(endpoint.table)
    return tuple(endpoint for endpoint in endpoints if endpoint.table in again)


def known_state(source_id: str, landing: Landing) -> dict[str, Any]:
    """Cursor by table, as of the last complete load; for people and tests."""
    loads = landing.loads(source_id)
    return loads[-1].cursors if loads else {}


class _Round:
    """One load: the endpoints' rows up to its size; `unfinished` names those that have more to say."""

    def __init__(self, whole: _Sync, endpoints: tuple[Endpoint, ...], since: datetime | None) -> None:
        self.whole = whole
        self.source = whole.source
        self.endpoints = endpoints
        self.since = since
        self.unfinished: set[str] = set()
        self.started = time.monotonic()
        self.n_pulled = 0
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("set TimeZone = 'UTC'")
        loads, erased = whole.landing.loads(self.source.source_id), whole.landing.tombstones
        self.sieve = PulledSieve(self.connection, self.source.system, self.source.source_id, erased) if erased else None
        self.known = {}
        for endpoint in self.source.system.endpoints:
            name = self.source.system.raw_table(endpoint)
            files = [whole.landing.root / load.tables[name].path for load in loads if name in load.tables]
            self.known[endpoint.table] = KnownRows(self.connection, endpoint, files)

    def is_full(self) -> bool:
        return self.n_pulled >= self.source.rows_per_load or time.monotonic() - self.started >= SECONDS_PER_LOAD

    def rows(self, endpoint: Endpoint, state: dict[str, Any]) -> Iterator["pa.Table"]:
        """Changed rows of one endpoint, in batches; moves its cursor in `state` once they are all handed over."""
        known = self.known[endpoint.table]
        start = None if self.since is not None else state.get("cursor")
        cursor = yield from self._pulled(endpoint, start)
        if endpoint.lists_all and known.has_missing():
            # A listing whose pages move while it is read skips records: only what two of them lack was deleted.
            cursor = yield from self._pulled(endpoint, start)
            yield from self._gone(known.missing(), endpoint)
        # A window without a record says nothing of where to go on.
        state["cursor"] = cursor if cursor is not None else state.get("cursor")

    def _pulled(self, endpoint: Endpoint, cursor: Cursor) -> Generator["pa.Table", None, Cursor]:
        settings = self.source.settings
        if self.since is not None:
            settings = settings.model_copy(update={"backfill_from": self.since})
        pull = Pull(self.whole.api, settings, cursor, self.whole.until, self._changed, self._rows, self._keys)
        buffer: list[Record] = []
        start = cursor
        for page in endpoint.pull(pull):
            buffer += page.records
            self.n_pulled += len(page.records)
            cursor = page.resume if page.resume is not None else cursor
            if len(buffer) >= BATCH_ROWS or page.gone:
                yield from self._batch(buffer, endpoint)
                buffer = []
            if page.gone:
                yield from self._gone(self.known[endpoint.table].gone(page.gone), endpoint)
            # A later load would not know which parents changed in this one. One that begins where this one began would read the
            # same again, for ever, where the overlap alone fills a load.
            can_be_cut = page.resume not in (None, start) and not endpoint.lists_all and endpoint.parent is None
            if can_be_cut and self.is_full():
                self.unfinished.add(endpoint.table)
                break
        yield from self._batch(buffer, endpoint)
        return cursor

    def _batch(self, records: list[Record], endpoint: Endpoint) -> Iterator["pa.Table"]:
        known = self.known[endpoint.table]
        changed = None
        if records:
            batch = batch_of(records, endpoint, self.source.source_id)
            # Before the comparison: what is known was cleared too.
            changed = known.only_changed(self.sieve.sift(batch, endpoint) if self.sieve else batch)
        self._count(endpoint.table, len(records), len(changed) if changed is not None else 0)
        if changed is not None and len(changed):
            if endpoint.table in self.source.system.parents:
                known.remember(changed)
            yield changed

    def _gone(self, keys: "pa.Table", endpoint: Endpoint) -> Iterator["pa.Table"]:
        if len(keys):
            self._count(endpoint.table, 0, len(keys))
            yield tombstones(keys, endpoint)

    def _count(self, table: str, pulled: int, landed: int) -> None:
        progress = self.whole.progress
        progress.pulled[table] = progress.pulled.get(table, 0) + pulled
        progress.landed[table] = progress.landed.get(table, 0) + landed
        if pulled:
            self.whole.tell(f"{self.source.source_id}: {progress.line(table)}")

    def _changed(self, table: str) -> list[Record]:
        return self.known[table].landed

    def _rows(self, table: str) -> list[Record]:
        return self.known[table].rows()

    def _keys(self, table: str, within: Mapping[str, str]) -> list[Record]:
        return self.known[table].keys(within)


def _pipeline(source: ApiSource, root: Path) -> Any:
    """The source's dlt pipeline, its working folder and its output below the source's landing folder."""
    # Read by dlt when it is first imported, and whenever it resolves a configuration.
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    # The trace is a pickle of every exception with its text.
    os.environ["ENABLE_RUNTIME_TRACE"] = "false"
    os.environ["EXTRACT__NEXT_ITEM_MODE"] = "fifo"
    os.environ["LOAD__DELETE_COMPLETED_JOBS"] = "true"
    folder = root / source.source_id
    os.environ["DLT_DATA_DIR"] = str(folder / "_dlt")
    import dlt
    from dlt.destinations import filesystem

    folder.mkdir(parents=True, exist_ok=True)
    name = f"{source.system.name}_{source.source_id}".lower().replace("-", "_").replace(".", "_")
    sweep(folder / "_dlt" / name)
    destination = filesystem(bucket_url=folder.resolve().as_uri(), layout="{table_name}/{load_id}.{file_id}.{ext}")
    return dlt.pipeline(name, pipelines_dir=str(folder / "_dlt"), destination=destination, dataset_name="_loads")


def _extract(pipeline: Any, round_: _Round) -> None:
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    def resource(endpoint: Endpoint) -> Any:
        def rows() -> Iterator["pa.Table"]:
            yield from round_.rows(endpoint, dlt.current.resource_state())

        return dlt.resource(rows, name=round_.source.system.raw_table(endpoint), write_disposition="append")

    made = dlt.source(lambda: [resource(endpoint) for endpoint in round_.endpoints], name=round_.source.system.name)
    with _explained(round_.source):
        try:
            pipeline.extract(made(), loader_file_format="parquet")
        except PipelineStepFailed:
            pipeline.abort_packages()
            raise


def _finish(pipeline: Any, source: ApiSource, landing: Landing) -> list[Load]:
    """Load packages that were extracted, now or before a kill, and write the manifests that are missing."""
    if pipeline.has_pending_data:
        with _explained(source):
            pipeline.normalize()
            pipeline.load()
            if pipeline.has_pending_data:
                # A first package whose schema was not stored before a kill, which dlt skips. Its cursor was not stored either.
                pipeline.abort_packages()
    return landing.adopt(source.source_id, source.system.name, "_loads", _cursors(pipeline))


@contextmanager
def _explained(source: ApiSource) -> Generator[None]:
    """The SourceError within dlt's wrapping; anything else becomes one that says where it arose, not what it says."""
    from dlt.pipeline.exceptions import PipelineStepFailed

    try:
        yield
    except PipelineStepFailed as error:
        seen: BaseException | None = error
        while seen is not None and not isinstance(seen, SourceError):
            last, seen = seen, seen.__cause__ or seen.__context__
        raise seen or ApiError(source.source_id, source.system.title, unexpected(last)) from None


def _cursors(pipeline: Any) -> dict[str, Any]:
    resources = next(iter(pipeline.state.get("sources", {}).values()), {}).get("resources", {})
    return {table: state["cursor"] for table, state in resources.items() if "cursor" in state}
