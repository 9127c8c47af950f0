"""Landing all configured sources, each on its own: one that fails does not stop the others."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines.errors import SourceError
from pipelines.files_io import write_text_durably
from pipelines.landing import Landing, Load
from pipelines.settings import Settings


@dataclass(frozen=True)
class Attempt:
    """How landing one source went: `error` holds every problem found, one a line; None where it went well."""

    source_id: str
    load_id: str | None
    n_rows: int
    error: str | None


def land_sources(settings: Settings) -> list[Attempt]:
    """Land every configured source and write down how it went, for the run's exit code and the report.

    Raises:
        SourceError: no source could be used: there is nothing new to publish.
    """
    home = settings.paths
    landing = Landing(home.landing)
    attempts: list[Attempt] = []
    failures: list[SourceError] = []
    for source in settings.sources():
        try:
            load = landing.land(source, home.temp)
            attempts.append(Attempt(source.source_id, load.load_id, load.n_rows, None))
        except SourceError as error:
            failures.append(error)
            attempts.append(Attempt(source.source_id, None, 0, str(error)))
    write_text_durably(_status_file(settings), json.dumps([asdict(attempt) for attempt in attempts], indent=1))
    if len(failures) == len(attempts):
        problems = [problem for failure in failures for problem in failure.problems]
        raise SourceError(", ".join(failure.source_id for failure in failures), problems)
    return attempts


def last_attempts(settings: Settings) -> list[Attempt]:
    """How the last landing went; empty where there was none."""
    path = _status_file(settings)
    return [Attempt(**attempt) for attempt in json.loads(path.read_text())] if path.exists() else []


def usable_loads(settings: Settings) -> list[Load]:
    """The newest complete load of every configured source that ever had one."""
    landing = Landing(settings.paths.landing)
    loads = (landing.newest(source.source_id) for source in settings.sources())
    return [load for load in loads if load is not None]


def _status_file(settings: Settings) -> Path:
    return settings.paths.landing / "last_attempts.json"
