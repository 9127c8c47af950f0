"""Landing all configured sources, each on its own: one that fails does not stop the others."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.errors import ConfigError, Problem, SourceError
from pipelines.files_io import write_text_durably
from pipelines.landing import Landing, Load
from pipelines.settings import Settings
from pipelines.sources.files import FilesSource
from pipelines.sources.kit.sync import ApiSource, sync

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Attempt:
    """How landing one source went: `n_rows` of its newest load, or landed now by a source system; `error` holds every problem
    found, one a line; None where it went well."""

    source_id: str
    load_id: str | None
    n_rows: int
    error: str | None


def land_sources(settings: Settings, tell: Callable[[str], None] = logger.info) -> list[Attempt]:
    """Land every configured source and write down how it went, for the run's exit code and the report.

    Args:
        settings: of the run.
        tell: told how far a source system is, a line now and then.

    Raises:
        SourceError: no source could be used: there is nothing new to publish.
    """
    home = settings.paths
    landing = Landing(home.landing)
    attempts: list[Attempt] = []
    failures: list[SourceError] = []
    for source in [*settings.sources(), *settings.api_sources()]:
        try:
            attempts.append(_attempt(landing, source, home.temp, tell))
        except (SourceError, ConfigError) as error:
            failures.append(
                error if isinstance(error, SourceError) else SourceError(source.source_id, [Problem("environment", str(error))])
            )
            attempts.append(Attempt(source.source_id, None, 0, str(error)))
    write_text_durably(_status_file(settings), json.dumps([asdict(attempt) for attempt in attempts], indent=1))
    if len(failures) == len(attempts):
        problems = [problem for failure in failures for problem in failure.problems]
        raise SourceError(", ".join(failure.source_id for failure in failures), problems)
    return attempts


def _attempt(landing: Landing, source: FilesSource | ApiSource, temp: Path, tell: Callable[[str], None]) -> Attempt:
    if isinstance(source, FilesSource):
        load = landing.land(source, temp)
        return Attempt(source.source_id, load.load_id, load.n_rows, None)
    loads = sync(source, landing, tell)
    newest = landing.newest(source.source_id)
    return Attempt(source.source_id, newest.load_id if newest else None, sum(load.n_rows for load in loads), None)


def last_attempts(settings: Settings) -> list[Attempt]:
    """How the last landing went; empty where there was none."""
    path = _status_file(settings)
    return [Attempt(**attempt) for attempt in json.loads(path.read_text())] if path.exists() else []


def usable_loads(settings: Settings) -> list[Load]:
    """What the raw layer is made of: the newest complete load of files, every load of a source system."""
    landing = Landing(settings.paths.landing)
    newest = (landing.newest(source.source_id) for source in settings.sources())
    pulled = [load for source in settings.api_sources() for load in landing.loads(source.source_id)]
    return [*(load for load in newest if load is not None), *pulled]


def _status_file(settings: Settings) -> Path:
    return settings.paths.landing / "last_attempts.json"
