"""Record what a real Request Tracker answers, for the fake: `python -m tests.servers.request_tracker.record`."""

import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import SecretStr

from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.support.request_tracker import REQUEST_TRACKER, RequestTrackerSettings, connect
from tests.fakes.request_tracker import RECORDED
from tests.servers.request_tracker.desk import seed
from tests.servers.request_tracker.server import serve


def record(folder: Path) -> dict[str, Any]:
    """Longest answer by path, of a sync of a desk that was just seeded; 100 records a page are all there are."""
    longest: dict[str, Any] = {}
    with serve(folder) as rt:
        seed(rt, ("mia", "sue"))
        settings = RequestTrackerSettings(id="desk", system="request_tracker", base_url=rt.url)
        api = connect(settings, {"token": SecretStr(rt.token)})
        get = api.get

        def keeping(path: str, params: dict[str, Any] | None = None) -> Any:
            answer = get(path, params)
            if len(answer.get("items", [])) >= len(longest.get(path, {}).get("items", [])):
                longest[urlsplit(path).path] = answer
            return answer

        api.get = keeping
        sync(ApiSource(REQUEST_TRACKER, settings, lambda: api), Landing(folder / "landing"))
    return longest


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        RECORDED.write_bytes(orjson.dumps(record(Path(made) / "rt"), option=orjson.OPT_SORT_KEYS) + b"\n")
