"""GitHub's REST API for repositories, issues, comments and releases, from its public documentation.

Stateful: what is edited moves to the end of lists sorted by `updated_at`. Lists come in pages by number with a Link header;
`since` is inclusive; a page holds at most 100.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

START = datetime(2024, 1, 1, 9, tzinfo=UTC)


@dataclass
class GitHub:
    """Repositories by name; every change is stamped by a clock of its own, a minute a step."""

    token: str | None = None
    calls_an_hour: int = 5_000
    now: datetime = START
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    issues: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    comments: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    review_comments: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    releases: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    n_calls: int = 0
    last_id: int = 1_000

    def repository(self, name: str) -> None:
        owner = name.split("/")[0]
        self.repositories[name] = {
            "id": self._id(), "full_name": name, "owner": {"id": 1, "login": owner, "type": "Organization"},
            "html_url": f"https://github.example/{name}", "created_at": stamp(START), "pushed_at": stamp(self.now),
        }  # fmt: skip
        for table in (self.issues, self.comments, self.review_comments):
            table[name] = {}
        self.releases[name] = []

    def issue(self, repository: str, person: str, title: str, association: str = "NONE", is_pull: bool = False) -> int:
        number = len(self.issues[repository]) + 1
        self.issues[repository][number] = {
            "id": self._id(), "number": number, **self._written(person, association), "title": title, "body": f"about {title}",
            "state": "open", "closed_at": None, "closed_by": None, "assignee": None, "labels": [{"name": "bug"}],
            "html_url": f"https://github.example/{repository}/issues/{number}",
            **({"pull_request": {"url": f"https://api.github.example/repos/{repository}/pulls/{number}"}} if is_pull else {}),
        }  # fmt: skip
        return number

    def comment(self, repository: str, number: int, person: str, body: str, association: str = "NONE", on_line: bool = False) -> int:
        table, key = (self.review_comments, "pull_request_url") if on_line else (self.comments, "issue_url")
        made, kind = self._id(), "pulls" if on_line else "issues"
        table[repository][made] = {
            "id": made, **self._written(person, association), "body": body, "html_url": f"https://github.example/{repository}",
            key: f"https://api.github.example/repos/{repository}/{kind}/{number}",
        }  # fmt: skip
        self.issues[repository][number]["updated_at"] = stamp(self.now)
        return made

    def close(self, repository: str, number: int, person: str) -> None:
        self._tick()
        at = stamp(self.now)
        self.issues[repository][number] |= {"state": "closed", "closed_at": at, "closed_by": self._person(person), "updated_at": at}

    def reopen(self, repository: str, number: int) -> None:
        self._tick()
        self.issues[repository][number] |= {"state": "open", "closed_at": None, "closed_by": None, "updated_at": stamp(self.now)}

    def edit(self, repository: str, comment: int, body: str) -> None:
        self._tick()
        self.comments[repository][comment] |= {"body": body, "updated_at": stamp(self.now)}

    def release(self, repository: str, person: str, tag: str) -> int:
        self._tick()
        at, number = stamp(self.now), self._id()
        self.releases[repository].insert(
            0,
            {"id": number, "author": self._person(person), "tag_name": tag, "name": tag, "body": "What is new", "draft": False,
             "prerelease": False, "created_at": at, "published_at": at, "html_url": f"https://github.example/{repository}/releases/{tag}"},
        )  # fmt: skip
        return number

    @property
    def app(self) -> Starlette:
        base = "/repos/{owner}/{name}"
        return Starlette(
            routes=[
                Route(base, self._repository),
                Route(f"{base}/issues", self._listed(self.issues)),
                Route(f"{base}/issues/comments", self._listed(self.comments)),
                Route(f"{base}/pulls/comments", self._listed(self.review_comments)),
                Route(f"{base}/releases", self._releases),
            ]
        )

    def _repository(self, request: Request) -> Response:
        return self._refusal(request) or self._answer(self.repositories.get(_name(request)))

    def _releases(self, request: Request) -> Response:
        return self._refusal(request) or self._page(request, list(self.releases.get(_name(request), [])))

    def _listed(self, table: dict[str, dict[int, dict[str, Any]]]) -> Any:
        def answer(request: Request) -> Response:
            asked = request.query_params
            rows = [row for row in table.get(_name(request), {}).values() if row["updated_at"] >= asked.get("since", "")[:19]]
            # Unsorted lists come by creation, newest first.
            key = "updated_at" if asked.get("sort") == "updated" else "created_at"
            rows.sort(key=lambda row: (row[key], row["id"]), reverse=asked.get("direction", "desc") == "desc")
            return self._refusal(request) or self._page(request, rows)

        return answer

    def _refusal(self, request: Request) -> Response | None:
        self.n_calls += 1
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(orjson.dumps({"message": "Bad credentials"}), 401, media_type="application/json")
        if self.n_calls > self.calls_an_hour:
            self.n_calls = 0
            spent = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(datetime.now(UTC).timestamp()) + 3600)}
            return Response(orjson.dumps({"message": "API rate limit exceeded"}), 403, spent, "application/json")
        return None

    def _page(self, request: Request, rows: list[dict[str, Any]]) -> Response:
        size, number = min(int(request.query_params.get("per_page", "30")), 100), int(request.query_params.get("page", "1"))
        answer = self._answer(rows[(number - 1) * size : number * size])
        if number * size < len(rows):
            answer.headers["link"] = f'<{request.url.include_query_params(page=number + 1)}>; rel="next"'
        return answer

    def _answer(self, content: Any) -> Response:
        if content is None:
            return Response(orjson.dumps({"message": "Not Found"}), 404, media_type="application/json")
        limit = {"x-ratelimit-remaining": str(self.calls_an_hour - self.n_calls), "x-ratelimit-reset": "1800000000"}
        return Response(orjson.dumps(content), headers=limit, media_type="application/json")

    def _written(self, person: str, association: str) -> dict[str, Any]:
        self._tick()
        at = stamp(self.now)
        return {"user": self._person(person), "author_association": association, "created_at": at, "updated_at": at}

    @staticmethod
    def _person(login: str) -> dict[str, Any] | None:
        """GitHub shows a deleted account's acts as its user ghost, and sometimes as null."""
        if login == "nobody":
            return None
        return {"id": sum(login.encode()) * 1_000 + len(login), "login": login, "type": "Bot" if login.endswith("[bot]") else "User"}

    def _tick(self) -> None:
        self.now += timedelta(minutes=1)

    def _id(self) -> int:
        self.last_id += 1
        return self.last_id


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['name']}"
