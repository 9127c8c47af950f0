"""BottleCRM: accounts, contacts, deals, users and payments.

Facts seen in BottleCRM 1.35.0: lists are read by limit and offset, each in an envelope of its own; accounts come in the order of
their random ids, new ones anywhere among the old, contacts newest first; nothing can be asked for by time of change; a deal says
its present stage and since when, not the stages before; a record that is deleted is just no longer listed; other records are
nested whole, in no order, and some figures depend on the clock.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import Field as Setting
from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, Secret, System, SystemSettings
from pipelines.sources.kit.errors import ApiError, DriftError
from pipelines.sources.kit.http import UNAUTHORISED, Api, Dialect
from pipelines.sources.kit.people import People
from pipelines.sources.kit.redaction import Redactor

if TYPE_CHECKING:
    from requests import Response

T = TypeVar("T")
FORBIDDEN = 403
MAX_LISTINGS = 5
MAX_STEPS_BACK = 100
# Of the clock, of the asking, or of others' records: no change of the record itself.
UNSETTLED = {
    "account_name", "active_token_count", "aging_status", "contact_name", "created_on_arrow", "days_in_stage", "is_overdue",
    "next_activity", "rollups",
}  # fmt: skip


class BottleCrmSettings(SystemSettings):
    """`[[systems]]` with `system = "bottlecrm"`."""

    page_size: Annotated[int, Setting(ge=2, le=10_000)] = 100


@dataclass(frozen=True)
class Half:
    """One of the lists of an answer: where it is in the answer, and where its length over all pages."""

    records: str
    count: str


@dataclass(frozen=True)
class Listing:
    """A path whose answers hold lists, read side by side by one offset."""

    path: str
    halves: tuple[Half, ...]


LISTINGS = {
    "accounts": Listing(
        "api/accounts/",
        (Half("active_accounts.open_accounts", "active_accounts.open_accounts_count"),
         Half("closed_accounts.close_accounts", "closed_accounts.close_accounts_count")),
    ),
    "contacts": Listing("api/contacts/", (Half("results", "count"),)),
    "opportunities": Listing("api/opportunities/", (Half("opportunities", "opportunities_count"),)),
    "users": Listing(
        "api/users/",
        (Half("active_users.active_users", "active_users.active_users_count"),
         Half("inactive_users.inactive_users", "inactive_users.inactive_users_count")),
    ),
    "invoices": Listing("api/invoices/", (Half("results", "count"),)),
}  # fmt: skip


def connect(settings: BottleCrmSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, by a personal access token."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    token = secrets["token"].get_secret_value()
    dialect = Dialect(message=_message, is_refused=_is_refused)
    return Api(settings.id, settings.base_url, auth=BearerTokenAuth(token=token), redact=Redactor([token]), dialect=dialect)


def probe(api: Api, settings: BottleCrmSettings) -> str:
    """How many records of each kind the token can read."""
    del settings
    found = []
    for name, listing in LISTINGS.items():
        answer = api.get(listing.path, {"limit": 1, "offset": 0})
        found.append(f"{_count(api, listing, answer):,} {name}")
    return ", ".join(found)


def _is_refused(response: "Response") -> bool:
    """An unknown token gets a 403, as one without an organisation."""
    return response.status_code == UNAUTHORISED or (response.status_code == FORBIDDEN and b"Organization context" in response.content)


def _message(body: Any) -> str:
    said = (body.get("detail") or body.get("errors") or body.get("message") or "") if isinstance(body, dict) else ""
    return said if isinstance(said, str) else ""


def _listed(name: str, shape: Callable[[Record], Record] = lambda record: record) -> Callable[[Pull], Iterator[Page]]:
    """Pull a whole list, again where fewer records came than it counts: what was deleted is told from what was missed."""
    listing = LISTINGS[name]

    def pages(pull: Pull) -> Iterator[Page]:
        for _ in range(MAX_LISTINGS):
            seen: set[str] = set()
            counted = 0
            for records, count in _pages(pull, listing):
                seen |= _ids(records)
                counted = count
                yield Page([settled(shape(record)) for record in records])
            if len(seen) >= counted:
                return
        what = f"counts {counted:,} records and lists {len(seen):,}, {MAX_LISTINGS} times in a row. Lower page_size, or try later"
        raise ApiError(pull.api.source_id, listing.path, f"{what}; what was landed stays.")

    return pages


def _pages(pull: Pull, listing: Listing) -> Iterator[tuple[list[Record], int]]:
    """Pages and how many records the list has in all.

    A page begins with the last record of the one before. Where it does not hold it, records before it were deleted meanwhile:
    one step back, or as many as it takes, finds it.
    """
    size = pull.settings.page_size
    offset = steps_back = 0
    full: dict[Half, set[str]] = {}
    while True:
        answer = pull.api.get(listing.path, {"limit": size, "offset": offset})
        lists = {half: _records(pull.api, listing, answer, half) for half in listing.halves}
        if offset and any(not before & _ids(lists[half]) for half, before in full.items()):
            steps_back += 1
            if steps_back > MAX_STEPS_BACK:
                what = "changes faster than it can be read. Raise page_size, or try later; what was landed stays."
                raise ApiError(pull.api.source_id, listing.path, what)
            offset = max(offset - size, 0)
            continue
        count = _count(pull.api, listing, answer)
        yield [record for records in lists.values() for record in records], count
        full = {half: _ids(records) for half, records in lists.items() if len(records) >= size}
        if not full or offset >= count:
            return
        offset += size - 1


def _ids(records: list[Record]) -> set[str]:
    return {record["id"] for record in records}


def _count(api: Api, listing: Listing, answer: Any) -> int:
    return sum(_at(api, listing, answer, half.count, int) for half in listing.halves)


def _records(api: Api, listing: Listing, answer: Any, half: Half) -> list[Record]:
    records = _at(api, listing, answer, half.records, list)
    if all(isinstance(record, dict) and isinstance(record.get("id"), str) for record in records):
        return records
    raise DriftError(api.source_id, listing.path, f"has records without an id in {half.records}. What was landed stays.")


def _at(api: Api, listing: Listing, answer: Any, path: str, kind: type[T]) -> T:
    for key in path.split("."):
        answer = answer.get(key) if isinstance(answer, dict) else None
    if isinstance(answer, kind):
        return answer
    what = f"answers without {path}. Check base_url: it is the address of BottleCRM's API; what was landed stays."
    raise DriftError(api.source_id, listing.path, what)


def settled(record: Record) -> Record:
    """A record that is the same as long as nobody changes it: others nested in it become their ids, in order."""
    return {key: _without_others(value) for key, value in record.items() if key not in UNSETTLED}


def _without_others(value: Any) -> Any:
    if isinstance(value, dict) and "id" in value:
        return value["id"]
    if isinstance(value, list):
        values = [_without_others(each) for each in value]
        return sorted(values) if all(isinstance(each, str) for each in values) else values
    return value


def _user(record: Record) -> Record:
    """A member of the organisation, who carries the id by which others name it; the person behind has another."""
    person = record.get("user_details") or {}
    return {**record, "user_details": person.get("id"), "name": person.get("name"), "email": person.get("email")}


def _payments(pull: Pull) -> Iterator[Page]:
    """The payments of every invoice that changed: one row an invoice, so that a payment taken back is no longer in it."""
    for invoice in dict.fromkeys(row["id"] for row in pull.changed("invoices")):
        payments = pull.api.get(f"api/invoices/{invoice}/payments/")
        if not isinstance(payments, list):
            raise DriftError(pull.api.source_id, "invoice_payments", "answers without a list of payments. What was landed stays.")
        yield Page([{"invoice_id": invoice, "payments": sorted(payments, key=lambda payment: payment["id"])}])


ACCOUNTS = Endpoint(
    "accounts",
    ("id",),
    (Field("id", "id"), Field("name", is_required=True), Field("website"), Field("industry"), Field("number_of_employees", "integer"),
     Field("assigned_to", "json", is_required=True), Field("created_at", "timestamp", is_required=True)),
    _listed("accounts"),
    lists_all=True,
    people=People(elements={"payload": "id"}),
)  # fmt: skip
CONTACTS = Endpoint(
    "contacts",
    ("id",),
    (Field("id", "id"), Field("first_name"), Field("last_name"), Field("email"), Field("phone"), Field("phone_e164"),
     Field("account", "id"), Field("linked_accounts", "json"), Field("assigned_to", "json", is_required=True),
     Field("custom_fields", "json"), Field("created_at", "timestamp", is_required=True), Field("updated_at", "timestamp")),
    _listed("contacts"),
    lists_all=True,
    version="updated_at",
    people=People(owners=("id",), identifiers={"email": "email", "phone": "phone", "phone_e164": "phone"}),
)  # fmt: skip
OPPORTUNITIES = Endpoint(
    "opportunities",
    ("id",),
    (Field("id", "id"), Field("account", "id"), Field("contacts", "json", is_required=True), Field("amount"), Field("currency"),
     Field("stage", is_required=True), Field("stage_kind", is_required=True), Field("stage_changed_at", "timestamp"),
     Field("created_at", "timestamp", is_required=True)),
    _listed("opportunities"),
    lists_all=True,
    version="stage_changed_at",
    people=People(owners=("contacts ->> '$[0]'",), elements={"contacts": "id", "payload": "id"}),
)  # fmt: skip
USERS = Endpoint(
    "users",
    ("id",),
    (Field("id", "id"), Field("name"), Field("email", is_required=True)),
    _listed("users", _user),
    lists_all=True,
    people=People(identifiers={"email": "email"}, staff="true"),
)
INVOICES = Endpoint(
    "invoices",
    ("id",),
    (Field("id", "id"), Field("account", "id"), Field("contact", "id"), Field("currency"), Field("status", is_required=True),
     Field("created_at", "timestamp", is_required=True)),
    _listed("invoices"),
    lists_all=True,
    people=People(owners=("contact",)),
)  # fmt: skip
PAYMENTS = Endpoint(
    "invoice_payments",
    ("invoice_id",),
    (Field("invoice_id", "id"), Field("payments", "json", is_required=True)),
    _payments,
    parent="invoices",
    people=People(within=(("invoices", "invoice_id"),)),
)

BOTTLECRM = System(
    name="bottlecrm",
    title="BottleCRM",
    family="crm",
    settings=BottleCrmSettings,
    endpoints=(USERS, ACCOUNTS, CONTACTS, OPPORTUNITIES, INVOICES, PAYMENTS),
    connect=connect,
    probe=probe,
    secrets=(Secret("token", "a personal access token of an administrator with read scopes"),),
    asks={"base_url": "address of its API's server, like https://crm.example.com/"},
    proven="real server",
    docs="docs/sources/bottlecrm.md",
)
