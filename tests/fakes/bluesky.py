"""What a Bluesky server said once, recorded by `tests/servers/bluesky/record.py`, answer by answer."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

RECORDED = Path(__file__).with_suffix(".json")


@dataclass
class RecordedBluesky:
    """Answers to the calls that a sync of everything makes; any other call is an error.

    `brand` is the DID of the brand's account; the calls ask for `page_size` records. Calls with `refused` in their path are
    refused.
    """

    said: dict[str, Any] = field(default_factory=lambda: orjson.loads(RECORDED.read_bytes()))
    refused: str = " "

    @property
    def brand(self) -> str:
        return self.said["brand"]

    @property
    def page_size(self) -> int:
        return self.said["page_size"]

    async def __call__(self, scope: dict[str, Any], _receive: Any, send: Any) -> None:
        asked = scope["raw_path"].decode() + (f"?{scope['query_string'].decode()}" if scope["query_string"] else "")
        answer = self.said["answers"].get(asked)
        status = 400 if self.refused in asked else 200 if answer is not None else 404
        body = orjson.dumps(answer if answer is not None else {"message": f"{asked} was not recorded"})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
