"""Request Tracker 5: tickets, every transaction on them, the words of messages, users, staff and queues, through REST 2.

Facts seen on RT 5.0.3 as a user without admin rights: no total and no next link is given for transactions and attachments, so
that pages are asked for from the last id on; a page holds at most 100; times in a search are read in the user's own zone, which
the API does not tell, even where the text names another; a merge does not move the merged ticket's LastUpdated, and no search
finds a deleted ticket, but the transactions tell both; an unset time is 1970; users are named, not numbered, unless their id is
asked for.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field as Setting
from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, Secret, System, SystemSettings
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.http import Api
from pipelines.sources.kit.people import People
from pipelines.sources.kit.redaction import Redactor

MOST_PER_PAGE = 100
MOST_STALE_ANSWERS = 8
# Zones differ by at most 12 hours west of UTC; the rest is for changes that were made before and committed after.
LOOK_BACK = timedelta(hours=13)
# A transaction can be committed after another with a higher id.
LOOK_BACK_IDS = 200
UNSET = "1970-01-01T00:00:00Z"
MESSAGE_TYPES = ("Create", "Correspond", "Comment")
# Copies of outgoing mail, and changes whose visibility RT decides row by row, which would leave holes in pages.
NO_TICKET_HISTORY = ("EmailRecord", "CommentEmailRecord", "CustomField")
CREDENTIALS = "a token as REQUEST_TRACKER_TOKEN, or a user as REQUEST_TRACKER_USER and REQUEST_TRACKER_PASSWORD,"
Meaning = Literal["new", "open", "pending", "hold", "solved", "closed"]
# RT's own lifecycle. What waits for the requestor is stalled; a rejected ticket can be opened again, as a resolved one.
STATUSES: dict[str, Meaning] = {"new": "new", "open": "open", "stalled": "pending", "resolved": "solved", "rejected": "solved"}


class RequestTrackerSettings(SystemSettings):
    """`[[systems]]` with `system = "request_tracker"`. `base_url` is RT's start page, like https://rt.acme.example/.

    Args:
        brand_id: the brand of all tickets; one brand where none is named.
        brand_of_queue: brand by the name of a queue, before `brand_id`.
        statuses: what a lifecycle's own statuses mean, beside new, open, stalled, resolved and rejected.
        page_size: records asked for in one call.
    """

    brand_id: str | None = None
    brand_of_queue: Annotated[dict[str, str], Setting(default_factory=dict)]
    statuses: Annotated[dict[str, Meaning], Setting(default_factory=dict)]
    page_size: Annotated[int, Setting(ge=2, le=MOST_PER_PAGE)] = MOST_PER_PAGE


def connect(settings: RequestTrackerSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, by token or by a user's password."""
    from dlt.sources.helpers.rest_client.auth import APIKeyAuth
    from requests.auth import HTTPBasicAuth

    said = {name: secret.get_secret_value() for name, secret in secrets.items()}
    if "token" in said:
        auth = APIKeyAuth(name="Authorization", api_key=f"token {said['token']}", location="header")
    elif "user" in said and "password" in said:
        auth = HTTPBasicAuth(said["user"].encode(), said["password"].encode())
    else:
        raise ApiError(settings.id, "credentials", f"are missing. Put {CREDENTIALS} into the environment.")
    redact = Redactor([said[name] for name in ("token", "password") if name in said])
    return Api(settings.id, f"{settings.base_url.rstrip('/')}/REST/2.0/", auth=auth, redact=redact)


def probe(api: Api, settings: RequestTrackerSettings) -> str:
    """RT's version, how many tickets the user sees, and whether the staff and the queues can be read."""
    del settings
    version = api.get("rt")["Version"]
    found = api.get("tickets", {"query": "EffectiveId > 0", "per_page": 1})
    _check_total(found, api.source_id)
    _staff_names(api)
    queues = api.get("queues/all", {"per_page": MOST_PER_PAGE})["items"]
    if not queues:
        raise ApiError(api.source_id, "queues", "can't be seen. Grant the user SeeQueue, ShowTicket and ShowTicketComments.")
    return f"RT {version}, {found['total']:,} tickets in {len(queues)} queues"


def _statuses(pull: Pull) -> Iterator[Page]:
    meanings = STATUSES | {name.lower(): meaning for name, meaning in pull.settings.statuses.items()}
    yield Page([{"name": name, "meaning": meaning} for name, meaning in meanings.items()])


def _queues(pull: Pull) -> Iterator[Page]:
    """All queues; disabled ones still hold tickets."""
    settings = pull.settings
    for records in _numbered(pull, "queues/all", {"fields": "id,Name,Disabled", "find_disabled_rows": 1, "orderby": "id"}):
        yield Page([{**record, "brand_id": settings.brand_of_queue.get(record["Name"], settings.brand_id)} for record in records])


def _staff(pull: Pull) -> Iterator[Page]:
    """The privileged users, whom RT names here and does not number."""
    yield Page([{"name": name} for name in _staff_names(pull.api)])


def _staff_names(api: Api) -> list[str]:
    wanted = [{"field": "Domain", "value": "SystemInternal"}, {"field": "Name", "value": "Privileged"}]
    found = api.get("groups", {"query": json.dumps(wanted), "fields": "id,Name"})["items"]
    members = api.get(f"group/{found[0]['id']}").get("Members") if len(found) == 1 else None
    if not members:
        what = "tell no privileged users, so that staff can't be told from customers. Grant the user SeeGroup."
        raise ApiError(api.source_id, "groups", what)
    return [member["id"] for member in members if member["type"] == "user"]


def _users(pull: Pull) -> Iterator[Page]:
    """All users, disabled ones too: only an admin is told when a user was changed."""
    everyone = json.dumps([{"field": "Name", "operator": "IS NOT", "value": "NULL"}])
    fields = "id,Name,RealName,EmailAddress,WorkPhone,Organization"
    for records in _numbered(pull, "users", {"query": everyone, "fields": fields, "find_disabled_rows": 1, "orderby": "id"}):
        yield Page(records)


def _transactions(pull: Pull) -> Iterator[Page]:
    """Transactions by id. Each page begins with the last one of the page before, which shows that it is the page asked for."""
    query = "ObjectType = 'RT::Ticket' AND TicketType = 'ticket'" + "".join(f" AND Type != '{each}'" for each in NO_TICKET_HISTORY)
    if pull.cursor is None and pull.settings.backfill_from:
        query += f" AND Created >= '{_since(pull.settings.backfill_from)}'"
    fields = {"fields": "ObjectId,Type,Field,OldValue,NewValue,Created,Creator", "fields[Creator]": "id", "orderby": "id"}
    sync = pull.until.isoformat()
    newest = pull.cursor["id"] if pull.cursor else 0
    # Within one sync, a load goes on exactly where the last one ended.
    is_seen = pull.cursor is not None and pull.cursor["sync"] == sync
    after, page = newest if is_seen else max(newest - LOOK_BACK_IDS, 0), 1
    while True:
        begins = after if is_seen and page == 1 else None
        said = _ask(pull, "transactions", {**fields, "query": f"{query} AND id >= {after}"}, page, _from_on(after, begins))
        last = max((int(record["id"]) for record in said["items"]), default=after)
        if last > after:
            yield Page(_plain(said["items"]), {"id": last, "sync": sync} if last > newest else None)
            newest = max(newest, last)
            after, is_seen, page = last, True, 1
        elif page == 1:
            # A page of nothing but comments that the user may not see looks like the end.
            page = 2
        else:
            return


def _from_on(after: int, begins: int | None) -> Callable[[list[Record]], bool]:
    def fits(items: list[Record]) -> bool:
        ids = [int(item["id"]) for item in items]
        return min(ids, default=after) >= after and (begins is None or min(ids, default=None) == begins)

    return fits


def _bodies(pull: Pull) -> Iterator[Page]:
    """Texts of the messages among the transactions that this load lands. Files are not asked for, so they are not sent."""
    ids = [row["id"] for row in pull.changed("transactions") if row["type"] in MESSAGE_TYPES]
    size = pull.settings.page_size // 2
    for start in range(0, len(ids), size):
        asked = ids[start : start + size]
        texts = [{"field": "ContentType", "value": each, "entry_aggregator": "OR"} for each in ("text/plain", "text/html")]
        nameless = [{"field": "Filename", "operator": "IS", "value": "NULL"}]
        query = json.dumps([{"field": "TransactionId", "operator": "IN", "value": asked}, *texts, *nameless])
        params = {"query": query, "fields": "TransactionId,ContentType,Content", "orderby": "id"}
        page, is_last = 1, False
        while not is_last:
            items = _ask(pull, "attachments", params, page, _only_of(asked))["items"]
            if not items and page == 1:
                # So few messages are empty that it is worth a second look.
                items = _ask(pull, "attachments", params, page, _only_of(asked))["items"]
            yield Page(_plain(items))
            page, is_last = page + 1, len(items) < pull.settings.page_size


def _only_of(asked: list[str]) -> Callable[[list[Record]], bool]:
    return lambda items: all(str(item["TransactionId"]) in asked for item in items)


def _tickets(pull: Pull) -> Iterator[Page]:
    """Tickets changed since some hours before the newest one that was known when the last pass began, by id."""
    cursor = pull.cursor or {}
    since = cursor.get("since") or (_since(pull.settings.backfill_from) if pull.settings.backfill_from else None)
    newest = cursor.get("newest") or _newest_ticket(pull)
    after = cursor.get("after", 0)
    people = {f"fields[{each}]": "id" for each in ("Creator", "Owner", "Requestor", "Queue")}
    fields = "EffectiveId,Subject,Status,Priority,Queue,Owner,Creator,Requestor,Created,LastUpdated,Resolved"
    has_more = newest is not None
    while has_more:
        # Merged tickets are found only where EffectiveId is asked for.
        query = f"EffectiveId > 0 AND id > {after}" + (f" AND LastUpdated >= '{since}'" if since else "")
        params = {"query": query, "fields": fields, "orderby": "id", **people}
        said = _ask(pull, "tickets", params, 1, _from_on(after + 1, None))
        _check_total(said, pull.api.source_id)
        after = max((int(item["id"]) for item in said["items"]), default=after)
        yield Page(_plain(said["items"]), {"since": since, "newest": newest, "after": after})
        has_more = said["total"] > len(said["items"])
    yield Page([], {"since": _since(datetime.fromisoformat(newest)) if newest else None})


def _newest_ticket(pull: Pull) -> str | None:
    latest = {"query": "EffectiveId > 0", "fields": "LastUpdated", "orderby": "LastUpdated", "order": "DESC"}
    items = _ask(pull, "tickets", latest, 1, lambda _: True, size=1)["items"]
    return items[0]["LastUpdated"] if items else None


def _check_total(said: Record, source_id: str) -> None:
    if said.get("total") is None:
        what = "are hidden page by page, so that some would be missed. Set $UseSQLForACLChecks to 1 in RT, as it comes,"
        raise ApiError(source_id, "tickets", f"{what} or grant the user ShowTicket globally.")


def _since(at: datetime) -> str:
    return (at.astimezone(UTC) - LOOK_BACK).strftime("%Y-%m-%d %H:%M:%S")


def _numbered(pull: Pull, path: str, params: dict[str, Any]) -> Iterator[list[Record]]:
    """Pages of a list that only grows at its end."""
    page, has_more = 1, True
    while has_more:
        said = _ask(pull, path, params, page, lambda _: True)
        yield _plain(said["items"])
        pages = said.get("pages")
        has_more = bool(said["items"]) if pages is None else page < pages
        page += 1


def _ask(pull: Pull, path: str, params: dict[str, Any], page: int, fits: Callable[[list[Record]], bool], size: int | None = None) -> Record:
    """One page, asked for again where the answer is to another question."""
    size = size or pull.settings.page_size
    for _ in range(MOST_STALE_ANSWERS):
        said = pull.api.get(path, {**params, "page": page, "per_page": size})
        if not isinstance(said, dict) or not isinstance(said.get("items"), list):
            what = "answers without items, where its records should be. Try later; what was landed stays."
            raise DriftError(pull.api.source_id, path, what)
        if (said.get("page"), said.get("per_page")) == (page, size) and fits(said["items"]):
            return said
    raise ApiError(pull.api.source_id, path, "answers with old pages again and again. Try later, or tell RT's admin.")


def _plain(items: list[Record]) -> list[Record]:
    """Records with ids in the place of what they point to, and nothing in the place of what is unset."""
    return [{key: _value(value) for key, value in item.items() if key != "type"} for item in items]


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("id")
    if isinstance(value, list):
        return [each.get("id") for each in value if each.get("type") == "user"]
    return None if value in ("", UNSET) else value


STATUS_MEANINGS = Endpoint("statuses", ("name",), (Field("name"), Field("meaning", is_required=True)), _statuses, lists_all=True)
QUEUES = Endpoint("queues", ("id",), (Field("id", "id"), Field("name", path="Name"), Field("brand_id")), _queues, lists_all=True)
STAFF = Endpoint("staff", ("name",), (Field("name"),), _staff, lists_all=True)
USERS = Endpoint(
    "users",
    ("id",),
    (Field("id", "id"), Field("name", path="Name", is_required=True), Field("real_name", path="RealName"),
     Field("email", path="EmailAddress"), Field("phone", path="WorkPhone"), Field("organization", path="Organization")),
    _users,
    lists_all=True,
    people=People(owners=("id",), identifiers={"email": "email", "phone": "phone"}, staff="name in ('RT_System', 'Nobody')"),
)  # fmt: skip
TRANSACTIONS = Endpoint(
    "transactions",
    ("id",),
    (Field("id", "id"), Field("ticket_id", "id", "ObjectId", is_required=True), Field("type", path="Type", is_required=True),
     Field("field", path="Field"), Field("old_value", path="OldValue"), Field("new_value", path="NewValue"),
     Field("created_at", "timestamp", "Created", is_required=True), Field("creator_id", "id", "Creator", is_required=True),
     Field("url", path="_url")),
    _transactions,
    people=People(owners=("creator_id",), within=(("tickets", "ticket_id"),)),
)  # fmt: skip
BODIES = Endpoint(
    "message_bodies",
    ("id",),
    (Field("id", "id"), Field("transaction_id", "id", "TransactionId", is_required=True),
     Field("content_type", path="ContentType", is_required=True), Field("content", path="Content")),
    _bodies,
    parent="transactions",
    people=People(within=(("transactions", "transaction_id"),)),
)  # fmt: skip
REQUESTER = """
case
    when list_contains(requestor_ids::varchar[], creator_id) then creator_id
    else coalesce(requestor_ids ->> '$[0]', creator_id)
end
"""
TICKETS = Endpoint(
    "tickets",
    ("id",),
    (Field("id", "id"), Field("effective_id", "id", "EffectiveId", is_required=True), Field("subject", path="Subject"),
     Field("status", path="Status", is_required=True), Field("priority", "id", "Priority"), Field("queue_id", "id", "Queue"),
     Field("owner_id", "id", "Owner"), Field("creator_id", "id", "Creator", is_required=True), Field("requestor_ids", "json", "Requestor"),
     Field("created_at", "timestamp", "Created", is_required=True),
     Field("updated_at", "timestamp", "LastUpdated", is_required=True), Field("resolved_at", "timestamp", "Resolved"),
     Field("url", path="_url")),
    _tickets,
    people=People(owners=(REQUESTER,), references=("creator_id",)),
    version="updated_at",
)  # fmt: skip

REQUEST_TRACKER = System(
    name="request_tracker",
    title="Request Tracker",
    family="support",
    settings=RequestTrackerSettings,
    # Tickets after their transactions: whatever a transaction tells of is listed then, or deleted.
    endpoints=(STATUS_MEANINGS, QUEUES, STAFF, USERS, TRANSACTIONS, BODIES, TICKETS),
    connect=connect,
    probe=probe,
    secrets=(
        Secret("token", "an authentication token of a user who may only read", is_required=False),
        Secret("user", "that user's name, where there is no token", is_required=False),
        Secret("password", "that user's password, where there is no token", is_required=False),
    ),
    asks={"base_url": "RT's start page, like https://rt.acme.example/"},
    proven="real server",
    docs="docs/sources/request_tracker.md",
)
