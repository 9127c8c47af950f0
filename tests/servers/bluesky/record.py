"""What the server says to a sync of a small world, as JSON for the fake: `python -m tests.servers.bluesky.record FILE`.

The server must be installed (`make test-servers`). Keys of records are set, so that all was written in June 2025.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.social.bluesky import BLUESKY, BlueskySettings, connect
from tests.fakes.proxy import Proxy
from tests.fakes.server import served
from tests.servers.bluesky.server import FOLLOWS, Bluesky, serving

PAGE_SIZE = 2


class Recorder(Proxy):
    """A proxy that keeps every answer."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.answers: dict[str, Any] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = b""

        async def kept(message: dict[str, Any]) -> None:
            nonlocal body
            body += message.get("body", b"")
            await send(message)

        await super().__call__(scope, receive, kept)
        self.answers[self.calls[-1].removeprefix("GET ")] = orjson.loads(body)


def write_world(server: Bluesky) -> str:
    """A question, its answer and some news; gives the brand's DID."""
    brand, jane = server.person("brand"), server.person("jane")
    server.post(brand, "news", rkey="3lqqqqaaaaa22", via="Buffer")
    asked = server.post(jane, "@brand where is it?", mentions=[brand], rkey="3lqqqqbbbbb22")
    server.post(brand, "on its way", reply_to=asked, rkey="3lqqqqccccc22")
    server.post(brand, "more news", rkey="3lqqqqddddd22")
    server.profile(jane, displayName="Jane")
    server.write(jane, FOLLOWS, {"$type": FOLLOWS, "subject": brand.did, "createdAt": "2025-06-01T00:00:00Z"}, rkey="3lqqqqeeeee22")
    return brand.did


def main(file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        brand = write_world(server)
        recorder = Recorder(server.url)
        with served(recorder) as url:
            settings = BlueskySettings(id="sky", system="bluesky", base_url=f"{url}/", brand_accounts=[brand], page_size=PAGE_SIZE)
            sync(ApiSource(BLUESKY, settings, lambda: connect(settings, {})), Landing(Path(folder) / "landing"))
    said = {"brand": brand, "page_size": PAGE_SIZE, "answers": recorder.answers}
    file.write_bytes(orjson.dumps(said, option=orjson.OPT_INDENT_2) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
