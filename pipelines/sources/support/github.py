"""GitHub as a support system: issues and pull requests are tickets, comments are messages, releases are broadcasts.

Facts from GitHub's public REST documentation (version 2022-11-28): `since` is inclusive and means `updated_at`; lists are
sorted by it when asked; a page holds at most 100; 60 calls an hour without a token, 5,000 with one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field as Setting
from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, Secret, System, SystemSettings
from pipelines.sources.kit.errors import ApiError
from pipelines.sources.kit.http import Api, Dialect, limit_of_headers
from pipelines.sources.kit.people import IdentifierKind, People
from pipelines.sources.kit.redaction import Redactor

if TYPE_CHECKING:
    from requests import Response

PER_PAGE = 100
MOST_STALE_ANSWERS = 8
REPOSITORY = r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$"
PERSON = (
    Field("user_id", "id", "user.id"),
    Field("user_login", path="user.login"),
    Field("user_type", path="user.type"),
    Field("author_association"),
)
TIMES = (Field("created_at", "timestamp", is_required=True), Field("updated_at", "timestamp", is_required=True))
AUTHOR: dict[str, IdentifierKind] = {"user_id": "external_id", "user_login": "handle"}
STAFF = "author_association in ('OWNER', 'MEMBER', 'COLLABORATOR') or user_type = 'Bot'"
OWN = (Field("repository", is_required=True), Field("id", "id", is_required=True))


class GitHubSettings(SystemSettings):
    """`[[systems]]` with `system = "github"`. `repositories` are named like `owner/name`."""

    base_url: str = "https://api.github.com/"
    repositories: Annotated[list[Annotated[str, Setting(pattern=REPOSITORY)]], Setting(min_length=1)]


def connect(settings: GitHubSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, with the token where there is one."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    rate_limit = limit_of_headers("X-RateLimit-Remaining", "X-RateLimit-Reset", lambda text: int(text) - time.time())
    token = secrets["token"].get_secret_value() if "token" in secrets else None
    return Api(
        settings.id,
        settings.base_url,
        auth=BearerTokenAuth(token=token) if token else None,
        redact=Redactor([token] if token else []),
        dialect=Dialect(rate_limit, _is_throttled),
        headers={"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"},
    )


def probe(api: Api, settings: GitHubSettings) -> str:
    """One call a repository: whether it can be read, and what moved last."""
    found = [api.get(f"repos/{name}") for name in settings.repositories]
    return f"{len(found)} repositories, last pushed to at {max(each['pushed_at'] for each in found)}"


def _repositories(pull: Pull) -> Iterator[Page]:
    for name in pull.settings.repositories:
        yield Page([{**pull.api.get(f"repos/{name}"), "repository": name}])


def _releases(pull: Pull) -> Iterator[Page]:
    """Newest first and few: listed whole, so that withdrawn ones are seen."""
    from dlt.sources.helpers.rest_client.paginators import HeaderLinkPaginator

    for name in pull.settings.repositories:
        for records, _ in pull.api.pages(f"repos/{name}/releases", HeaderLinkPaginator(), "$", {"per_page": PER_PAGE}):
            yield Page(_owned(records, name))


def _updated(path: str, **params: str) -> Callable[[Pull], Iterator[Page]]:
    """Pull a list that is sorted by `updated_at`, from the newest one landed on.

    The next page is asked for by time, not by number: what is edited meanwhile moves to the end, which would shift a numbered
    page. Where a whole page shares one second, its further pages are asked for by number.
    """

    def pages(pull: Pull) -> Iterator[Page]:
        cursor = dict(pull.cursor or {})
        for name in pull.settings.repositories:
            since = cursor.get(name) or (pull.settings.backfill_from.isoformat() if pull.settings.backfill_from else None)
            number = 1
            while True:
                asked = {"per_page": PER_PAGE, "sort": "updated", "direction": "asc", "page": number, **params}
                records = _asked(pull.api, f"repos/{name}/{path}", asked, since)
                newest = max((record["updated_at"] for record in records), default=since)
                number = number + 1 if newest == since else 1
                since = newest
                cursor = {**cursor, name: since}
                yield Page(_owned(records, name), cursor)
                if len(records) < PER_PAGE:
                    break

    return pages


def _asked(api: Api, path: str, params: dict[str, Any], since: str | None) -> list[Record]:
    """One page, asked for again where it holds what was not asked for: a page that comes a second time would look like the end."""
    if since is None:
        return api.get(path, params)
    floor = datetime.fromisoformat(since).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    for _ in range(MOST_STALE_ANSWERS):
        records = api.get(path, {**params, "since": since})
        if all(str(record["updated_at"]) >= floor for record in records):
            return records
    raise ApiError(api.source_id, path, "answers with old pages again and again. Try later; what was landed stays.")


def _owned(records: list[Record], repository: str) -> list[Record]:
    return [{**record, "repository": repository} for record in records]


def _is_throttled(response: "Response") -> bool:
    """Both limits answer 403 as well as 429."""
    is_spent = response.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in response.headers
    return response.status_code == 403 and (is_spent or b"secondary rate limit" in response.content)


REPOSITORIES = Endpoint(
    "repositories",
    ("repository",),
    (Field("repository", is_required=True), Field("owner_id", "id", "owner.id", is_required=True), Field("owner_login", path="owner.login"),
     Field("html_url"), Field("created_at", "timestamp")),
    _repositories,
    lists_all=True,
)  # fmt: skip
ISSUES = Endpoint(
    "issues",
    ("repository", "number"),
    (Field("repository", is_required=True), Field("number", "integer", is_required=True), *PERSON, *TIMES, Field("title"), Field("body"),
     Field("state", is_required=True), Field("closed_at", "timestamp"), Field("closed_by_id", "id", "closed_by.id"),
     Field("pull_request", "json"), Field("labels", "json"), Field("assignee_id", "id", "assignee.id"), Field("html_url")),
    _updated("issues", state="all"),
    version="updated_at",
    people=People(owners=("user_id",), identifiers=AUTHOR, references=("closed_by_id", "assignee_id"), staff=STAFF),
)  # fmt: skip
COMMENTS = Endpoint(
    "comments",
    ("repository", "id"),
    (*OWN, *PERSON, *TIMES, Field("body"), Field("issue_url", is_required=True), Field("html_url")),
    _updated("issues/comments"),
    version="updated_at",
    people=People(
        owners=("user_id",),
        identifiers=AUTHOR,
        within=(("issues", "repository", "split_part(issue_url, '/', -1)"),),
        staff=STAFF,
    ),
)
REVIEW_COMMENTS = Endpoint(
    "review_comments",
    ("repository", "id"),
    (*OWN, *PERSON, *TIMES, Field("body"), Field("pull_request_url", is_required=True), Field("html_url")),
    _updated("pulls/comments"),
    version="updated_at",
    people=People(
        owners=("user_id",),
        identifiers=AUTHOR,
        within=(("issues", "repository", "split_part(pull_request_url, '/', -1)"),),
        staff=STAFF,
    ),
)
RELEASES = Endpoint(
    "releases",
    ("repository", "id"),
    (*OWN, Field("author_id", "id", "author.id"), Field("author_login", path="author.login"), Field("author_type", path="author.type"),
     Field("tag_name"), Field("name"), Field("body"), Field("draft", "boolean", is_required=True), Field("prerelease", "boolean"),
     Field("created_at", "timestamp", is_required=True), Field("published_at", "timestamp"), Field("html_url")),
    _releases,
    lists_all=True,
)  # fmt: skip

GITHUB = System(
    name="github",
    title="GitHub",
    family="support",
    settings=GitHubSettings,
    endpoints=(REPOSITORIES, ISSUES, COMMENTS, REVIEW_COMMENTS, RELEASES),
    connect=connect,
    probe=probe,
    secrets=(
        Secret("token", "a fine-grained token with read access to issues and pull requests; public data needs none", is_required=False),
    ),
    asks={"repositories": "repositories, like owner/name, with commas between"},
    proven="fake",
    docs="docs/sources/github.md",
)
