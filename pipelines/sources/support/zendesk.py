"""Zendesk Support: tickets, users, every event of a ticket with its comments, satisfaction ratings and brands.

Facts from Zendesk's public documentation of its Ticketing API: incremental exports leave out the last minute; tickets and users
page by cursor, ticket events by time, where the second that a page ends with comes again; an export takes ten calls a minute
and holds up to a thousand records a page. First reply time is never read from Zendesk: its own also times tickets that an agent
opened. The warehouse computes it from the events.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Secret, System, SystemSettings
from pipelines.sources.kit.http import Api, Dialect, limit_of_headers
from pipelines.sources.kit.people import People
from pipelines.sources.kit.redaction import Redactor

EXPORT_PAGE = 1_000
LIST_PAGE = 100
# Zendesk was founded in 2007; exports begin at 1970 else.
BEGINNING = datetime.fromisoformat("2007-01-01T00:00:00+00:00")
# A rating is given days after it was offered, and the list is sorted by when it was offered.
RATING_LOOK_BACK = timedelta(days=90)
TIMES = (Field("created_at", "timestamp", is_required=True), Field("updated_at", "timestamp", is_required=True))


class ZendeskSettings(SystemSettings):
    """`[[systems]]` with `system = "zendesk"`. `base_url` is the account's own, like https://acme.zendesk.com/."""


def connect(settings: ZendeskSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, by API token."""
    from requests.auth import HTTPBasicAuth

    email, token = (secrets[name].get_secret_value() for name in ("email", "token"))
    return Api(
        settings.id,
        settings.base_url,
        auth=HTTPBasicAuth(f"{email}/token", token),
        redact=Redactor([token, email]),
        dialect=Dialect(rate_limit=limit_of_headers("ratelimit-remaining", "ratelimit-reset", int), message=_message),
    )


def probe(api: Api, settings: ZendeskSettings) -> str:
    """Who the token belongs to, and how many tickets there are."""
    del settings
    me = api.get("api/v2/users/me.json")["user"]
    if me.get("role") != "admin":
        return f"reached as a user of role {me.get('role')}: incremental exports need an admin's token"
    return f"{api.get('api/v2/tickets/count.json')['count']['value']:,} tickets, read as an admin"


def _export(resource: str) -> Callable[[Pull], Iterator[Page]]:
    """Pull an incremental export by cursor. The last cursor asks for what comes later."""

    def pages(pull: Pull) -> Iterator[Page]:
        cursor = pull.cursor
        while True:
            where = {"cursor": cursor} if cursor else {"start_time": _unix(pull.settings.backfill_from or BEGINNING)}
            said = pull.api.get(f"api/v2/incremental/{resource}/cursor.json", {**where, "per_page": EXPORT_PAGE})
            cursor = said.get("after_cursor") or cursor
            yield Page(said[resource], cursor)
            if said["end_of_stream"]:
                return

    return pages


def _ticket_events(pull: Pull) -> Iterator[Page]:
    """Pull the events of tickets by time. The next page begins in the second in which this one ended."""
    start = pull.cursor or _unix(pull.settings.backfill_from or BEGINNING)
    while True:
        said = pull.api.get("api/v2/incremental/ticket_events.json", {"start_time": start, "include": "comment_events"})
        # An empty page tells no end.
        start = max(said.get("end_time") or start, start)
        yield Page(said["ticket_events"], start)
        if said["end_of_stream"]:
            return


def _ratings(pull: Pull) -> Iterator[Page]:
    """Pull ratings from some time before the newest known one on: its neighbours may have been answered since."""
    newest = pull.cursor
    since = datetime.fromisoformat(newest) - RATING_LOOK_BACK if newest else pull.settings.backfill_from or BEGINNING
    for records in _list(pull, "api/v2/satisfaction_ratings.json", "satisfaction_ratings", {"start_time": _unix(since)}):
        newest = max([record["created_at"] for record in records] + ([newest] if newest else []), default=None)
        yield Page(records)
    yield Page([], newest)


def _whole(path: str, records: str) -> Callable[[Pull], Iterator[Page]]:
    def pages(pull: Pull) -> Iterator[Page]:
        for found in _list(pull, path, records, {}):
            yield Page(found)

    return pages


def _list(pull: Pull, path: str, records: str, params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Pages of a list by Zendesk's cursor pagination."""
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    paginator = JSONResponseCursorPaginator(cursor_path="meta.after_cursor", cursor_param="page[after]", has_more_path="meta.has_more")
    for found, _ in pull.api.pages(path, paginator, records, {"page[size]": LIST_PAGE, **params}):
        yield found


def _unix(at: datetime) -> int:
    return int(at.timestamp())


def _message(body: Any) -> str:
    """Errors come as `error` and `description`, or as an object with a title and a message."""
    error = body.get("error", "") if isinstance(body, dict) else ""
    if isinstance(error, dict):
        return str(error.get("message") or error.get("title") or "")
    return str(body.get("description") or error) if isinstance(body, dict) else ""


TICKETS = Endpoint(
    "tickets",
    ("id",),
    (Field("id", "id"), *TIMES, Field("requester_id", "id"), Field("submitter_id", "id"), Field("brand_id", "id"), Field("subject"),
     Field("priority"), Field("status", is_required=True), Field("group_id", "id"), Field("assignee_id", "id"),
     Field("via_channel", path="via.channel"), Field("tags", "json")),
    _export("tickets"),
    version="updated_at",
    people=People(owners=("requester_id",), references=("submitter_id",)),
)  # fmt: skip
USERS = Endpoint(
    "users",
    ("id",),
    (Field("id", "id"), *TIMES, Field("role", is_required=True), Field("name"), Field("email"), Field("phone"), Field("external_id"),
     Field("organization_id", "id"), Field("active", "boolean")),
    _export("users"),
    version="updated_at",
    people=People(
        owners=("id",),
        identifiers={"email": "email", "phone": "phone", "external_id": "external_id"},
        staff="role in ('agent', 'admin')",
    ),
)  # fmt: skip
TICKET_EVENTS = Endpoint(
    "ticket_events",
    ("id",),
    (Field("id", "id"), Field("ticket_id", "id", is_required=True), Field("created_at", "timestamp", is_required=True),
     Field("updater_id", "id"), Field("via"), Field("child_events", "json", is_required=True)),
    _ticket_events,
    people=People(owners=("updater_id",), within=(("tickets", "ticket_id"),), elements={"child_events": "author_id"}),
)  # fmt: skip
RATINGS = Endpoint(
    "satisfaction_ratings",
    ("id",),
    (Field("id", "id"), Field("ticket_id", "id", is_required=True), Field("score", is_required=True), *TIMES),
    _ratings,
    version="updated_at",
    people=People(within=(("tickets", "ticket_id"),)),
)
BRANDS = Endpoint(
    "brands", ("id",), (Field("id", "id"), Field("name"), Field("url")), _whole("api/v2/brands.json", "brands"), lists_all=True
)  # fmt: skip

ZENDESK = System(
    name="zendesk",
    title="Zendesk",
    family="support",
    settings=ZendeskSettings,
    endpoints=(BRANDS, USERS, TICKETS, TICKET_EVENTS, RATINGS),
    connect=connect,
    probe=probe,
    secrets=(Secret("email", "the e-mail of the admin whose API token it is"), Secret("token", "an API token of an admin")),
    asks={"base_url": "the account's address, like https://acme.zendesk.com/"},
    proven="fake",
    docs="docs/sources/zendesk.md",
)
