"""A plain API with cursor paging, for the connector kit's own tests: items that are made, edited and deleted."""

from collections.abc import Iterator
from typing import Any

import orjson
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, System, SystemSettings
from pipelines.sources.kit.http import Api

TOKEN = "planted-token-1f2e3d"


class Shop:
    """Items by number; every change gets the next `revision`, in which they are listed."""

    def __init__(self, n: int) -> None:
        self.items: dict[int, dict[str, Any]] = {}
        self.revision = 0
        self.calls: list[str] = []
        for number in range(n):
            self.put(number, f"item {number}")

    def put(self, number: int, name: Any, **more: Any) -> None:
        self.revision += 1
        stamp = f"2026-01-01T{self.revision // 3600 % 24:02d}:{self.revision // 60 % 60:02d}:{self.revision % 60:02d}Z"
        self.items[number] = {"id": number, "revision": self.revision, "name": name, "updated_at": stamp, **more}

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/items", self._changed), Route("/v1/all", self._all)])

    def _refusal(self, request: Request) -> Response | None:
        self.calls.append(str(request.url.query))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Response(orjson.dumps({"message": "bad credentials of jane@example.com"}), 401)
        return None

    def _changed(self, request: Request) -> Response:
        limit, after = int(request.query_params.get("limit", "100")), int(request.query_params.get("cursor", "0"))
        rows = sorted((item for item in self.items.values() if item["revision"] > after), key=lambda item: item["revision"])[:limit]
        return self._refusal(request) or _json({"items": rows, "next": rows[-1]["revision"] if len(rows) == limit else None})

    def _all(self, request: Request) -> Response:
        limit, after = int(request.query_params.get("limit", "100")), int(request.query_params.get("cursor", "-1"))
        rows = [self.items[number] for number in sorted(self.items) if number > after][:limit]
        return self._refusal(request) or _json({"items": rows, "next": rows[-1]["id"] if len(rows) == limit else None})


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


def _paginator() -> JSONResponseCursorPaginator:
    return JSONResponseCursorPaginator(cursor_path="next", cursor_param="cursor")


def pull_changed(pull: Pull) -> Iterator[Page]:
    params = {"limit": 50, **({"cursor": pull.cursor} if pull.cursor else {})}
    for records, _ in pull.api.pages("items", _paginator(), "items", params):
        yield Page(records, max((record["revision"] for record in records), default=pull.cursor))


def pull_all(pull: Pull) -> Iterator[Page]:
    for records, _ in pull.api.pages("all", _paginator(), "items", {"limit": 50}):
        yield Page(records)


FIELDS = (
    Field("id", "id", is_required=True),
    Field("name"),
    Field("updated_at", "timestamp", is_required=True),
    Field("owner", path="owner.login"),
)
CHANGED = Endpoint("items", ("id",), FIELDS, pull_changed)
ALL = Endpoint("stock", ("id",), FIELDS, pull_all, lists_all=True)
SHOP = System(
    name="shop",
    title="Shop",
    family="support",
    settings=SystemSettings,
    endpoints=(CHANGED, ALL),
    connect=lambda settings, _: Api(settings.id, settings.base_url),
    probe=lambda _api, _settings: "",
)
