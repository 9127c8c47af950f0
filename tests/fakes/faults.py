"""A bad day of the network and of the vendor, before any fake: an ASGI middleware with a seed."""

import asyncio
import random
from typing import Any

import orjson

KINDS = (
    "429_with_retry_after", "429_without", "500", "503", "timeout", "dropped", "cut_body", "truncated_json", "earlier_page",
    "reordered_page", "401",
)  # fmt: skip


class Faults:
    """Spoils a share of the answers.

    Args:
        app: the fake behind.
        seed: of what goes wrong when.
        share: of the answers that are spoilt.
        kinds: what may go wrong; `earlier_page` answers with what was answered last on this path, so that a page comes twice
            and its cursor is repeated.
        hang_seconds: how long a `timeout` takes; longer than the client waits.
        lists: keys under which answers hold records, for `reordered_page`; an answer that is a list is one itself.
    """

    def __init__(
        self,
        app: Any,
        seed: int,
        share: float = 0.2,
        kinds: tuple[str, ...] = KINDS,
        lists: tuple[str, ...] = ("items",),
        hang_seconds: float = 1.2,
    ) -> None:
        self.app = app
        self.random = random.Random(seed)
        self.share = share
        self.kinds = kinds
        self.lists = lists
        self.hang_seconds = hang_seconds
        self.last: dict[str, list[dict[str, Any]]] = {}
        self.spoilt: dict[str, int] = {}

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        kind = self.random.choice(self.kinds) if self.random.random() < self.share else None
        if kind == "earlier_page" and scope["path"] not in self.last:
            kind = None
        if kind is not None:
            self.spoilt[kind] = self.spoilt.get(kind, 0) + 1
        if kind == "429_with_retry_after":
            await _answer(send, 429, b"{}", {b"retry-after": b"0"})
        elif kind in ("429_without", "500", "503", "401"):
            await _answer(send, int(kind[:3]), b'{"message": "not now"}')
        elif kind == "timeout":
            await asyncio.sleep(self.hang_seconds)
            await _answer(send, 200, b"{}")
        elif kind == "dropped":
            # Ends without an answer: uvicorn closes the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
            raise ConnectionError("dropped")
        elif kind == "earlier_page":
            for message in self.last[scope["path"]]:
                await send(message)
        else:
            await self._pass_on(scope, receive, send, kind)

    async def _pass_on(self, scope: dict[str, Any], receive: Any, send: Any, kind: str | None) -> None:
        said: list[dict[str, Any]] = []

        async def collect(message: dict[str, Any]) -> None:
            said.append(message)

        await self.app(scope, receive, collect)
        start, body = said[0], b"".join(message.get("body", b"") for message in said[1:])
        headers = {key: value for key, value in start["headers"] if key.lower() != b"content-length"}
        if kind == "reordered_page" and start["status"] == 200:
            body = self._reordered(body)
        whole = [
            {
                "type": "http.response.start",
                "status": start["status"],
                "headers": [*headers.items(), (b"content-length", b"%d" % len(body))],
            },
            {"type": "http.response.body", "body": body},
        ]
        if start["status"] == 200 and scope["method"] == "GET":
            self.last[scope["path"]] = whole
        if kind == "truncated_json" and len(body) > 2:
            await _answer(send, start["status"], body[: len(body) // 2], headers)
        elif kind == "cut_body":
            await send({**whole[0], "headers": [*headers.items(), (b"content-length", b"%d" % (len(body) + 5000))]})
            await send({"type": "http.response.body", "body": body, "more_body": True})
            raise ConnectionError("cut")
        else:
            for message in whole:
                await send(message)

    def _reordered(self, body: bytes) -> bytes:
        parsed = orjson.loads(body)
        for records in [parsed] if isinstance(parsed, list) else [parsed[key] for key in self.lists if isinstance(parsed.get(key), list)]:
            self.random.shuffle(records)
        return orjson.dumps(parsed)


async def _answer(send: Any, status: int, body: bytes, headers: dict[bytes, bytes] | None = None) -> None:
    found = [*(headers or {}).items(), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": found})
    await send({"type": "http.response.body", "body": body})
