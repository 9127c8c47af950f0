"""Request Tracker's answers to one sync as a real one gave them, recorded by `tests/servers/request_tracker/record.py`.

Enough for staging to be compared, not for the connector to be tested: it knows no paging but what a search says of ids.
"""

import re
from pathlib import Path
from typing import Any

import orjson

RECORDED = Path(__file__).with_suffix(".json")
PREFIX = "/REST/2.0/"


class RequestTracker:
    """The recorded desk, as an ASGI application."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = orjson.loads(RECORDED.read_bytes())

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ARG002
        from urllib.parse import parse_qs

        asked = {key: value[0] for key, value in parse_qs(scope["query_string"].decode()).items()}
        body = orjson.dumps(self._answer(scope["path"].removeprefix(PREFIX), asked))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        answer = self.answers[path]
        if "page" not in asked:
            return answer
        number, size = int(asked["page"]), int(asked["per_page"])
        found = [item for item in answer["items"] if _is_wanted(int(item["id"]), asked.get("query", ""))]
        items = found[(number - 1) * size : number * size]
        total = None if answer["total"] is None else len(found)
        return {**answer, "page": number, "per_page": size, "total": total, "count": len(items), "items": items}


def _is_wanted(number: int, query: str) -> bool:
    found = re.search(r"\bid (>=?) (\d+)", query)
    return found is None or number > int(found[2]) or (found[1] == ">=" and number == int(found[2]))
