"""Landing the configured sources, each on its own: one that fails does not stop the others."""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipelines.erasure.erase import erase_late_rows, finish_erasure
from pipelines.erasure.tombstones import Tombstones
from pipelines.errors import ConfigError, TwowayError
from pipelines.files_io import write_text_durably
from pipelines.landing import Landing, Load
from pipelines.settings import Settings
from pipelines.sources.files import FilesSource
from pipelines.sources.kit.errors import unexpected
from pipelines.sources.kit.sync import ApiSource, Progress, sync

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """How landing one source went.

    Args:
        source_id: the source.
        load_id: of its newest complete load; None where this attempt failed.
        n_rows: rows of that load, or landed now by a source system.
        error: every problem found, one a line; None where it went well.
        complete_at: when the source was last read whole, ISO 8601 in UTC; None where it never was.
        pulled: rows that a source system sent, by table.
        landed: those of them that were new or changed, by table.
        seconds: how long it took.
    """

    source_id: str
    load_id: str | None
    n_rows: int
    error: str | None
    complete_at: str | None = None
    pulled: dict[str, int] | None = None
    landed: dict[str, int] | None = None
    seconds: float | None = None


def land_sources(
    settings: Settings,
    sources: Sequence[FilesSource | ApiSource] | None = None,
    tell: Callable[[str], None] = logger.info,
    since: datetime | None = None,
) -> list[Attempt]:
    """Land sources and write down how it went, for the run's exit code and the report.

    Args:
        settings: of the run.
        sources: to land; every configured one, where None.
        tell: told how far a source system is, a line now and then.
        since: instant from which source systems are read again; where None they go on from where the last sync ended.

    Returns:
        One attempt a source, in their order.

    Raises:
        TwowayError: an erasure can't be finished, or the home's key is not the one that persons were erased with.
    """
    landing = landing_without_erased(settings, tell)
    n_tombstones = len(landing.tombstones or ())
    chosen = [*settings.sources(), *settings.api_sources()] if sources is None else sources
    before = {attempt.source_id: attempt for attempt in last_attempts(settings)}
    made = [_attempt(settings, landing, source, tell, since, before.get(source.source_id)) for source in chosen]
    if landing.tombstones is not None and len(landing.tombstones) > n_tombstones:
        erase_late_rows(settings.paths, landing, landing.tombstones)
    after = {**before, **{attempt.source_id: attempt for attempt in made}}
    write_text_durably(_status_file(settings), json.dumps([asdict(attempt) for attempt in after.values()], indent=1))
    return made


def require_a_source(settings: Settings) -> None:
    """Stop where the last attempt failed for every source: there is nothing new to publish.

    Raises:
        TwowayError: says what is wrong with each.
    """
    attempts = last_attempts(settings)
    errors = [attempt.error for attempt in attempts if attempt.error is not None]
    if errors and len(errors) == len(attempts):
        raise TwowayError("\n".join(errors))


def landing_without_erased(settings: Settings, tell: Callable[[str], None] = logger.info) -> Landing:
    """The home's landing folder for writing: erased persons are left out of what is landed, a killed erasure is finished first."""
    home = settings.paths
    if not home.erasures.exists():
        return Landing(home.landing)
    finished = finish_erasure(home, settings.person_key())
    if finished is not None:
        tell(f"finished the erasure {finished['receipt']}, which had not come to its end")
    return Landing(home.landing, Tombstones(home.erasures, settings.person_key()))


def _attempt(
    settings: Settings,
    landing: Landing,
    source: FilesSource | ApiSource,
    tell: Callable[[str], None],
    since: datetime | None,
    before: Attempt | None,
) -> Attempt:
    progress = Progress()
    try:
        if isinstance(source, FilesSource):
            load = landing.land(source, settings.paths.temp)
            for note in load.notes:
                tell(f"{source.source_id}: {note}")
            found = Attempt(source.source_id, load.load_id, load.n_rows, None)
        else:
            loads = sync(source, landing, tell, since, progress)
            newest = landing.newest(source.source_id)
            found = Attempt(source.source_id, newest.load_id if newest else None, sum(load.n_rows for load in loads), None)
        complete_at = datetime.now(UTC).isoformat(timespec="seconds")
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one source, the others go on
        said = str(error) if isinstance(error, TwowayError) else f"{source.source_id}: {unexpected(error)}"
        said = f"environment: {said}" if isinstance(error, ConfigError) else said
        found = Attempt(source.source_id, None, 0, said)
        complete_at = before.complete_at if before is not None else None
    return replace(found, complete_at=complete_at, pulled=progress.pulled, landed=progress.landed, seconds=round(progress.seconds, 1))


def last_attempts(settings: Settings) -> list[Attempt]:
    """How landing went the last time, for each source that is configured; those that were never landed are left out."""
    path = _status_file(settings)
    known = {each["source_id"]: Attempt(**each) for each in json.loads(path.read_text())} if path.exists() else {}
    configured = [source.source_id for source in [*settings.sources(), *settings.api_sources()]]
    return [known[source_id] for source_id in configured if source_id in known]


def usable_loads(settings: Settings) -> list[Load]:
    """What the raw layer is made of: the newest complete load of files, every load of a source system."""
    landing = landing_without_erased(settings)
    newest = (landing.newest(source.source_id) for source in settings.sources())
    pulled = [load for source in settings.api_sources() for load in landing.loads(source.source_id)]
    return [*(load for load in newest if load is not None), *pulled]


def _status_file(settings: Settings) -> "Path":
    return settings.paths.landing / "last_attempts.json"
