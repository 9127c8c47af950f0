"""HubSpot's CRM API for companies, contacts, deals and owners, from its public documentation.

Stateful. A search is sorted by one property and ends at 10,000 records; what changes while pages are read moves to the end of a
list sorted by modification time; archived records are listed apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = datetime(2025, 2, 3, 8, tzinfo=UTC)
MODIFIED = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate", "deals": "hs_lastmodifieddate"}


@dataclass
class HubSpot:
    """An account; a clock of its own, a minute a step unless it stands still."""

    token: str
    page: int = 200
    now: datetime = START
    ticks: bool = True
    records: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in MODIFIED})
    archived: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in MODIFIED})
    stages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    parties: dict[str, dict[str, str]] = field(default_factory=dict)
    owners: list[dict[str, Any]] = field(default_factory=list)
    last_id: int = 500

    def make(self, kind: str, **properties: Any) -> str:
        self.last_id += 1
        number, at = str(self.last_id), self._tick()
        filled = {name: None if value is None else str(value) for name, value in properties.items()}
        self.records[kind][number] = {
            "id": number, "properties": {"createdate": at, MODIFIED[kind]: at, "hs_object_id": number, **filled}, "createdAt": at,
            "updatedAt": at, "archived": False,
        }  # fmt: skip
        return number

    def edit(self, kind: str, number: str, **properties: Any) -> None:
        at = self._tick()
        self.records[kind][number]["properties"] |= {**properties, MODIFIED[kind]: at}
        self.records[kind][number]["updatedAt"] = at

    def deal(self, name: str, company: str, contact: str, amount: str) -> str:
        number = self.make("deals", dealname=name, dealstage="new", amount=amount, deal_currency_code="EUR", hs_is_closed="false")
        self.stages[number] = [self._version("new")]
        self.parties[number] = {"companies": company, "contacts": contact}
        return number

    def move(self, deal: str, stage: str, **properties: Any) -> None:
        self.edit("deals", deal, dealstage=stage, **properties)
        # Newest first.
        self.stages[deal].insert(0, self._version(stage))

    def merge(self, kept: str, gone: str) -> None:
        self.edit("contacts", kept, hs_merged_object_ids=gone)
        del self.records["contacts"][gone]

    def archive(self, kind: str, number: str) -> None:
        self.archived[kind][number] = {**self.records[kind].pop(number), "archived": True, "archivedAt": self._tick()}

    def restore(self, kind: str, number: str) -> None:
        self.records[kind][number] = {**self.archived[kind].pop(number), "archived": False}

    @property
    def app(self) -> Starlette:
        routes = [Route("/crm/v3/owners", self._guarded(lambda request: self._listed(request, self.owners)))]
        for kind in MODIFIED:
            routes += [
                Route(f"/crm/v3/objects/{kind}/search", self._searched(kind), methods=["POST"]),
                Route(f"/crm/v3/objects/{kind}", self._archived(kind)),
                Route(f"/crm/v4/associations/deals/{kind}/batch/read", self._associated(kind), methods=["POST"]),
            ]
        return Starlette(routes=[*routes, Route("/crm/v3/objects/deals/batch/read", self._batch, methods=["POST"])])

    def _searched(self, kind: str) -> Any:
        async def answer(request: Request) -> Response:
            asked = orjson.loads(await request.body())
            rows = [row for row in self.records[kind].values() if all(_holds(row, each) for each in _filters(asked))]
            sort = asked.get("sorts", [{"propertyName": "hs_object_id"}])[0]["propertyName"]
            rows.sort(key=lambda row: _number(row["properties"][sort]))
            start, size = int(asked.get("after", "0")), min(int(asked.get("limit", "10")), self.page)
            if start + size > 10_000:
                return _json({"status": "error", "message": "a search ends at 10,000 records"}, 400)
            said: dict[str, Any] = {"total": len(rows), "results": rows[start : start + size]}
            return self._refusal(request) or _json(said)

        return answer

    def _archived(self, kind: str) -> Any:
        def answer(request: Request) -> Response:
            assert request.query_params["archived"] == "true"
            return self._listed(request, list(self.archived[kind].values()))

        return self._guarded(answer)

    def _associated(self, kind: str) -> Any:
        async def answer(request: Request) -> Response:
            deals = [each["id"] for each in orjson.loads(await request.body())["inputs"]]
            found = [
                {"from": {"id": deal}, "to": [{"toObjectId": int(self.parties[deal][kind])}]} for deal in deals if deal in self.parties
            ]
            return self._refusal(request) or _json({"results": found})

        return answer

    async def _batch(self, request: Request) -> Response:
        deals = [each["id"] for each in orjson.loads(await request.body())["inputs"]]
        if len(deals) > 50:
            return _json({"status": "error", "message": "at most 50 with history"}, 400)
        found = [{"id": deal, "propertiesWithHistory": {"dealstage": self.stages[deal]}} for deal in deals]
        return self._refusal(request) or _json({"results": found})

    def _listed(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        after, size = int(request.query_params.get("after", "0")), min(int(request.query_params.get("limit", "10")), self.page)
        more = {"paging": {"next": {"after": str(after + size)}}} if after + size < len(rows) else {}
        return _json({"results": rows[after : after + size], **more})

    def _guarded(self, answer: Callable[[Request], Response]) -> Any:
        return lambda request: self._refusal(request) or answer(request)

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _json({"status": "error", "category": "INVALID_AUTHENTICATION", "message": "Authentication credentials not found"}, 401)
        return None

    def _version(self, stage: str) -> dict[str, Any]:
        return {"value": stage, "timestamp": _stamp(self.now), "sourceType": "CRM_UI", "updatedByUserId": 7}

    def _tick(self) -> str:
        self.now += timedelta(minutes=1) if self.ticks else timedelta()
        return _stamp(self.now)


def _filters(asked: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for group in asked.get("filterGroups", []) for each in group["filters"]]


def _holds(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    value, wanted = _number(row["properties"][asked["propertyName"]]), int(asked["value"])
    return {"GTE": value >= wanted, "GT": value > wanted, "EQ": value == wanted}[asked["operator"]]


def _number(value: str) -> int:
    """Ids are numbers; times are compared in milliseconds."""
    return int(value) if value.isdigit() else round(datetime.fromisoformat(value).timestamp() * 1000)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, {"x-hubspot-ratelimit-remaining": "99"}, "application/json")
