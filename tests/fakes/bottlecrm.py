"""BottleCRM's lists as a BottleCRM 1.35.0 said them (`tests/servers/bottlecrm/record.py`), paged by limit and offset."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# Lists within an answer, each with the place of its length.
LISTS = {
    "accounts/": [("active_accounts.open_accounts", "active_accounts.open_accounts_count"),
                  ("closed_accounts.close_accounts", "closed_accounts.close_accounts_count")],
    "contacts/": [("results", "count")],
    "opportunities/": [("opportunities", "opportunities_count")],
    "users/": [("active_users.active_users", "active_users.active_users_count"),
               ("inactive_users.inactive_users", "inactive_users.inactive_users_count")],
    "invoices/": [("results", "count")],
}  # fmt: skip


class BottleCrm:
    """An organisation; `before` is called with the path of every call, and may change `said`."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.said: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
        self.before: Callable[[str], None] = lambda _: None
        self.knows_offset = True
        self.calls: list[str] = []

    def records(self, path: str) -> list[dict[str, Any]]:
        """The first of the path's lists, to change it."""
        place, key = _place(self.said[path], LISTS[path][0][0])
        return place[key]

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/api/{path:path}", self._answer)])

    def _answer(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.calls.append(f"{path}?{request.url.query}")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(b'{"detail": "Organization context is required. Please login again."}', 403)
        self.before(path)
        answer = orjson.loads(orjson.dumps(self.said[path]))
        limit, offset = (int(request.query_params.get(name, default)) for name, default in (("limit", 10), ("offset", 0)))
        for records, count in LISTS.get(path, []):
            place, key = _place(answer, records)
            offset = offset if self.knows_offset else 0
            counted, name = _place(answer, count)
            counted[name] = len(place[key])
            place[key] = place[key][offset : offset + limit]
        return Response(orjson.dumps(answer), media_type="application/json")


def _place(answer: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *way, key = path.split(".")
    for each in way:
        answer = answer[each]
    return answer, key
