"""Zendesk's Ticketing API for incremental exports, ratings and brands, from its public documentation.

Stateful: every change of a ticket is an event with children; exports list what changed, tickets and users by cursor, events by
time with the last second again; ratings and brands by cursor pagination.
"""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = datetime(2025, 3, 3, 9, tzinfo=UTC)
SYSTEM = -1


@dataclass
class Zendesk:
    """An account with one admin, agents, end users and tickets; a clock of its own, a minute a step."""

    email: str
    token: str
    page: int = 50
    now: datetime = START
    users: dict[int, dict[str, Any]] = field(default_factory=dict)
    tickets: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    ratings: dict[int, dict[str, Any]] = field(default_factory=dict)
    brands: dict[int, dict[str, Any]] = field(default_factory=dict)
    last_id: int = 9_000_000

    def user(self, name: str, role: str = "end-user", **more: Any) -> int:
        number, at = self._id(), self._tick()
        self.users[number] = {
            "id": number, "name": name, "email": f"{name}@customer.example", "phone": None, "role": role, "external_id": None,
            "organization_id": None, "active": True, "created_at": at, "updated_at": at, **more,
        }  # fmt: skip
        return number

    def brand(self, name: str) -> int:
        number = self._id()
        self.brands[number] = {"id": number, "name": name, "url": f"https://{name}.example/brands/{number}.json", "active": True}
        return number

    def ticket(self, requester: int, text: str, brand: int, submitter: int | None = None, channel: str = "email") -> int:
        number, at = len(self.tickets) + 1, self._tick()
        self.tickets[number] = {
            "id": number, "created_at": at, "updated_at": at, "requester_id": requester, "submitter_id": submitter or requester,
            "brand_id": brand, "subject": text, "priority": None, "status": "new", "group_id": None, "assignee_id": None,
            "via": {"channel": channel, "source": {}}, "tags": ["shop"], "custom_fields": [],
        }  # fmt: skip
        children = [self._comment(submitter or requester, text, True), {"event_type": "Create", "id": self._id(), "status": "new"}]
        self._event(number, submitter or requester, children)
        return number

    def comment(self, ticket: int, author: int, text: str, is_public: bool = True, **changes: Any) -> int:
        self._tick()
        said = self._comment(author, text, is_public)
        self._event(ticket, author, [said, *self._changed(ticket, changes)])
        return said["id"]

    def change(self, ticket: int, by: int, **changes: Any) -> None:
        self._tick()
        self._event(ticket, by, self._changed(ticket, changes))

    def offer(self, ticket: int) -> int:
        number, at = self._id(), self._tick()
        self.ratings[number] = {"id": number, "ticket_id": ticket, "score": "offered", "created_at": at, "updated_at": at}
        return number

    def rate(self, rating: int, score: str) -> None:
        self.ratings[rating] |= {"score": score, "updated_at": self._tick()}

    @property
    def app(self) -> Starlette:
        base = "/api/v2"
        return Starlette(
            routes=[
                Route(f"{base}/incremental/tickets/cursor.json", self._exported("tickets", self.tickets)),
                Route(f"{base}/incremental/users/cursor.json", self._exported("users", self.users)),
                Route(f"{base}/incremental/ticket_events.json", self._ticket_events),
                Route(f"{base}/satisfaction_ratings.json", self._listed("satisfaction_ratings", self.ratings)),
                Route(f"{base}/brands.json", self._listed("brands", self.brands)),
                Route(f"{base}/users/me.json", lambda request: self._refusal(request) or _json({"user": {"role": "admin"}})),
                Route(f"{base}/tickets/count.json", lambda _: _json({"count": {"value": len(self.tickets)}})),
            ]
        )

    def _exported(self, name: str, table: dict[int, dict[str, Any]]) -> Any:
        def answer(request: Request) -> Response:
            asked = request.query_params
            if "cursor" in asked:
                after = tuple(orjson.loads(base64.urlsafe_b64decode(asked["cursor"])))
            else:
                after = (_stamp(datetime.fromtimestamp(int(asked["start_time"]), UTC)), 0)
            rows = sorted((row for row in table.values() if _place(row) > after), key=_place)
            size = min(int(asked.get("per_page", "1000")), self.page)
            cursor = base64.urlsafe_b64encode(orjson.dumps(_place(rows[:size][-1]) if rows else after)).decode()
            said = {name: rows[:size], "after_cursor": cursor, "after_url": None, "end_of_stream": len(rows) <= size}
            return self._refusal(request) or _json(said)

        return answer

    def _ticket_events(self, request: Request) -> Response:
        start = int(request.query_params["start_time"])
        assert request.query_params["include"] == "comment_events"
        rows = [event for event in self.events if event["timestamp"] >= start]
        # A second is never split over two pages.
        shown = [event for event in rows if event["timestamp"] <= rows[min(self.page, len(rows)) - 1]["timestamp"]]
        said = {"ticket_events": shown, "count": len(shown), "next_page": None, "end_of_stream": len(shown) == len(rows)}
        return self._refusal(request) or _json(said | {"end_time": shown[-1]["timestamp"] if shown else None})

    def _listed(self, name: str, table: dict[int, dict[str, Any]]) -> Any:
        def answer(request: Request) -> Response:
            asked = request.query_params
            since = _stamp(datetime.fromtimestamp(int(asked.get("start_time", "0")), UTC))
            after, size = int(asked.get("page[after]", "0")), min(int(asked.get("page[size]", "100")), self.page)
            rows = [row for number, row in sorted(table.items()) if number > after and row.get("created_at", since) >= since]
            more = len(rows) > size
            meta = {"has_more": more, "after_cursor": str(rows[size - 1]["id"]) if more else None, "before_cursor": None}
            return self._refusal(request) or _json({name: rows[:size], "meta": meta, "links": {"next": None}})

        return answer

    def _refusal(self, request: Request) -> Response | None:
        wanted = base64.b64encode(f"{self.email}/token:{self.token}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return Response(orjson.dumps({"error": "Couldn't authenticate you"}), 401, media_type="application/json")
        return None

    def _changed(self, ticket: int, changes: dict[str, Any]) -> list[dict[str, Any]]:
        row = self.tickets[ticket]
        before = {name: row[name] for name in changes}
        row |= {**changes, "updated_at": _stamp(self.now)}
        return [{"id": self._id(), "event_type": "Change", name: value, "previous_value": before[name]} for name, value in changes.items()]

    def _comment(self, author: int, text: str, is_public: bool) -> dict[str, Any]:
        return {"id": self._id(), "event_type": "Comment", "author_id": author, "body": text, "public": is_public, "attachments": []}

    def _event(self, ticket: int, by: int, children: list[dict[str, Any]]) -> None:
        self.events.append(
            {"id": self._id(), "ticket_id": ticket, "timestamp": int(self.now.timestamp()), "created_at": _stamp(self.now),
             "updater_id": by, "via": "Web form", "event_type": "Audit", "system": {}, "child_events": children}
        )  # fmt: skip

    def _tick(self) -> str:
        self.now += timedelta(minutes=1)
        return _stamp(self.now)

    def _id(self) -> int:
        self.last_id += 1
        return self.last_id


def _place(row: dict[str, Any]) -> tuple[str, int]:
    return row["updated_at"], row["id"]


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(content: Any) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
