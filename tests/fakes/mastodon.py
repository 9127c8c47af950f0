"""Mastodon's API for one account's posts and notifications, from its public documentation.

Stateful. With `min_id` a page holds the oldest after that id, newest first within the page.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = datetime(2025, 4, 1, 7, tzinfo=UTC)


@dataclass
class Mastodon:
    """A server as the brand's account sees it; a clock of its own, an hour a step."""

    token: str
    now: datetime = START
    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    brand: dict[str, Any] = field(default_factory=lambda: _person("100", "brand"))

    def post(self, text: str, reply_to: str | None = None, app: str | None = "Web", **more: Any) -> str:
        made = self._status(self.brand, text, reply_to)
        self.posts[made["id"]] = {**made, "application": {"name": app} if app else None, **more}
        return made["id"]

    def mention(self, who: str, text: str, reply_to: str | None = None, visibility: str = "public") -> str:
        made: dict[str, Any] = self._status(_person(person_id(who), who), text, reply_to)
        made |= {"visibility": visibility, "mentions": [{"id": self.brand["id"], "acct": "brand"}]}
        number = str(len(self.notifications) + 1)
        self.notifications.append({"id": number, "type": "mention", "created_at": made["created_at"], "status": made})
        return made["id"]

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/api/v1/accounts/verify_credentials", lambda request: self._refusal(request) or _json(self.brand)),
                Route("/api/v1/accounts/100/statuses", lambda request: self._page(request, list(self.posts.values()))),
                Route("/api/v1/notifications", lambda request: self._page(request, self.notifications)),
            ]
        )

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        after, size = int(request.query_params.get("min_id", "0")), min(int(request.query_params.get("limit", "20")), 40)
        newer = sorted((row for row in rows if int(row["id"]) > after), key=lambda row: int(row["id"]))[:size]
        return self._refusal(request) or _json(newer[::-1])

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _json({"error": "The access token is invalid"}, 401)
        return None

    def _status(self, author: dict[str, Any], text: str, reply_to: str | None) -> dict[str, Any]:
        self.now += timedelta(hours=1)
        answered = self.posts.get(reply_to or "") or next(
            (each["status"] for each in self.notifications if each["status"]["id"] == reply_to), None
        )
        return {
            "id": str(int(self.now.timestamp() * 1000) << 16), "created_at": stamp(self.now), "edited_at": None,
            "content": f"<p>{text}</p>", "account": author, "in_reply_to_id": reply_to,
            "in_reply_to_account_id": answered["account"]["id"] if answered else None,
            "mentions": [], "visibility": "public", "language": "en", "url": "https://social.example/1", "reblog": None,
            "favourites_count": 0, "replies_count": 0, "reblogs_count": 0,
        }  # fmt: skip


def person_id(name: str) -> str:
    return str(int.from_bytes(name.encode(), "big") % 10**15)


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _person(number: str, name: str) -> dict[str, Any]:
    return {
        "id": number, "acct": name, "display_name": name.title(), "bot": False, "followers_count": 12, "statuses_count": 3,
        "created_at": "2020-01-01T00:00:00.000Z", "url": f"https://social.example/@{name}", "last_status_at": "2025-04-01",
    }  # fmt: skip


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
