"""HubSpot CRM: companies, contacts, deals with the history of their stage, and owners.

Facts from HubSpot's public documentation of its CRM API (version 3): a search is sorted by one property, gives 200 records a page
and 10,000 in all, and lags behind by moments; modification times are in milliseconds; the history of a property comes with a batch
read of at most 50; archived records are listed apart; a private app's token may send 100 requests in ten seconds.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from pipelines.sources.kit.endpoints import Endpoint, Field, Page, Pull, Record, Secret, System, SystemSettings
from pipelines.sources.kit.http import Api, Dialect, limit_of_headers
from pipelines.sources.kit.people import NOBODYS, People
from pipelines.sources.kit.redaction import Redactor

SEARCH_PAGE = 200
LIST_PAGE = 100
BATCH = 50
BEGINNING = datetime.fromisoformat("2005-01-01T00:00:00+00:00")
# What was changed a moment ago may not be found yet.
SEARCH_LAG = timedelta(minutes=10)
MILLISECOND = timedelta(milliseconds=1)
PEOPLE = {
    "contacts": People(owners=("id",), identifiers={"email": "email", "phone": "phone"}),
    "deals": People(within=(("deal_contacts", "id"),)),
    "companies": NOBODYS,
}
ARCHIVED_PEOPLE = {"contacts": People(owners=("id",)), "deals": People(within=(("deals", "id"),)), "companies": NOBODYS}
OF_A_DEAL = People(within=(("deals", "deal_id"),))
MODIFIED = {"contacts": "lastmodifieddate", "companies": "hs_lastmodifieddate", "deals": "hs_lastmodifieddate"}
PROPERTIES = {
    "contacts": ("email", "phone", "firstname", "lastname", "associatedcompanyid", "hubspot_owner_id", "hs_merged_object_ids"),
    "companies": ("name", "domain", "industry", "numberofemployees", "hubspot_owner_id"),
    "deals": ("dealname", "dealstage", "amount", "deal_currency_code", "closedate", "hs_is_closed", "hs_is_closed_won"),
}


class HubSpotSettings(SystemSettings):
    """`[[systems]]` with `system = "hubspot"`."""

    base_url: str = "https://api.hubapi.com/"


def connect(settings: HubSpotSettings, secrets: Mapping[str, SecretStr]) -> Api:
    """The API, by a private app's token."""
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth

    token = secrets["token"].get_secret_value()
    dialect = Dialect(
        rate_limit=limit_of_headers(
            "X-HubSpot-RateLimit-Remaining", "X-HubSpot-RateLimit-Interval-Milliseconds", lambda text: int(text) / 1000
        )
    )
    return Api(settings.id, settings.base_url, auth=BearerTokenAuth(token=token), redact=Redactor([token]), dialect=dialect)


def probe(api: Api, settings: HubSpotSettings) -> str:
    """How many records of each kind the token can read."""
    del settings
    found = {kind: api.post(f"crm/v3/objects/{kind}/search", {"limit": 1})["total"] for kind in PROPERTIES}
    return ", ".join(f"{count:,} {kind}" for kind, count in found.items())


def _modified(kind: str) -> Callable[[Pull], Iterator[Page]]:
    """Pull records by modification time from the newest known one on.

    Every page is a new search from the last one's time: so a search never reaches its 10,000 records, and what is modified
    meanwhile shifts nothing. Where a whole page shares one millisecond, that millisecond is read by id.
    """
    modified = MODIFIED[kind]

    def search(pull: Pull, filters: list[dict[str, str]], sort: str) -> list[Record]:
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": [modified, "createdate", *PROPERTIES[kind]],
            "limit": SEARCH_PAGE,
        }
        return pull.api.post(f"crm/v3/objects/{kind}/search", body)["results"]

    def instant(pull: Pull, at: datetime) -> Iterator[list[Record]]:
        after: list[dict[str, str]] = []
        while True:
            same = {"propertyName": modified, "operator": "EQ", "value": _milliseconds(at)}
            records = search(pull, [same, *after], "hs_object_id")
            yield records
            if len(records) < SEARCH_PAGE:
                return
            last = max(records, key=lambda record: int(record["id"]))["id"]
            after = [{"propertyName": "hs_object_id", "operator": "GT", "value": last}]

    def pages(pull: Pull) -> Iterator[Page]:
        newest = datetime.fromisoformat(pull.cursor) if pull.cursor else pull.settings.backfill_from or BEGINNING
        since = newest - SEARCH_LAG if pull.cursor else newest
        while True:
            records = search(pull, [{"propertyName": modified, "operator": "GTE", "value": _milliseconds(since)}], modified)
            times = [datetime.fromisoformat(record["properties"][modified]) for record in records]
            newest = max([newest, *times])
            yield Page(records, newest.isoformat() if times or pull.cursor else None)
            if len(records) < SEARCH_PAGE:
                return
            if min(times) == max(times):
                for found in instant(pull, times[0]):
                    yield Page(found)
                since = times[0] + MILLISECOND
            else:
                since = max(times)

    return pages


def _archived(kind: str) -> Callable[[Pull], Iterator[Page]]:
    def pages(pull: Pull) -> Iterator[Page]:
        for records in _list(pull, f"crm/v3/objects/{kind}", {"archived": "true"}):
            yield Page(records)

    return pages


def _owners(pull: Pull) -> Iterator[Page]:
    for records in _list(pull, "crm/v3/owners", {}):
        yield Page(records)


def _list(pull: Pull, path: str, params: dict[str, Any]) -> Iterator[list[Record]]:
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator

    paginator = JSONResponseCursorPaginator(cursor_path="paging.next.after", cursor_param="after")
    for records, _ in pull.api.pages(path, paginator, "results", {"limit": LIST_PAGE, **params}):
        yield records


def _stages(pull: Pull) -> Iterator[Page]:
    """The history of the stage of every deal that changed."""
    for batch in _batches(pull):
        body = {"propertiesWithHistory": ["dealstage"], "properties": ["dealstage"], "inputs": batch}
        for deal in pull.api.post("crm/v3/objects/deals/batch/read", body)["results"]:
            history = deal.get("propertiesWithHistory", {}).get("dealstage", [])
            yield Page([{"deal_id": deal["id"], **version} for version in history])


def _parties(kind: str) -> Callable[[Pull], Iterator[Page]]:
    """Companies or contacts of every deal that changed, the first in HubSpot's order."""

    def pages(pull: Pull) -> Iterator[Page]:
        for batch in _batches(pull):
            said = pull.api.post(f"crm/v4/associations/deals/{kind}/batch/read", {"inputs": batch})
            yield Page([{"deal_id": each["from"]["id"], "party_id": each["to"][0]["toObjectId"]} for each in said["results"] if each["to"]])

    return pages


def _batches(pull: Pull) -> Iterator[list[Record]]:
    deals = list(dict.fromkeys(deal["id"] for deal in pull.changed("deals")))
    for start in range(0, len(deals), BATCH):
        yield [{"id": deal} for deal in deals[start : start + BATCH]]


def _milliseconds(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))


def _records(kind: str, *fields: Field) -> Endpoint:
    modified = MODIFIED[kind]
    own = (Field("id", "id"), Field("created_at", "timestamp", "createdAt", is_required=True),
           Field("updated_at", "timestamp", f"properties.{modified}", is_required=True))  # fmt: skip
    named = tuple(Field(name, path=f"properties.{name}") for name in PROPERTIES[kind])
    return Endpoint(kind, ("id",), (*own, *named, *fields), _modified(kind), version="updated_at", people=PEOPLE[kind])


def _archive(kind: str) -> Endpoint:
    fields = (Field("id", "id"), Field("archived_at", "timestamp", "archivedAt", is_required=True))
    return Endpoint(f"archived_{kind}", ("id",), fields, _archived(kind), lists_all=True, people=ARCHIVED_PEOPLE[kind])


def _party(table: str, kind: str) -> Endpoint:
    fields = (Field("deal_id", "id"), Field("party_id", "id", is_required=True))
    people = People(owners=("party_id",)) if kind == "contacts" else OF_A_DEAL
    return Endpoint(table, ("deal_id",), fields, _parties(kind), parent="deals", people=people)


STAGES = Endpoint(
    "deal_stages",
    ("deal_id", "changed_at"),
    (Field("deal_id", "id"), Field("changed_at", "timestamp", "timestamp"), Field("stage", path="value", is_required=True),
     Field("source_type", path="sourceType")),
    _stages,
    parent="deals",
    people=OF_A_DEAL,
)  # fmt: skip
OWNERS = Endpoint(
    "owners",
    ("id",),
    (Field("id", "id"), Field("email"), Field("first_name", path="firstName"), Field("last_name", path="lastName"),
     Field("updated_at", "timestamp", "updatedAt")),
    _owners,
    lists_all=True,
    people=People(identifiers={"email": "email"}, staff="true"),
)  # fmt: skip

HUBSPOT = System(
    name="hubspot",
    title="HubSpot",
    family="crm",
    settings=HubSpotSettings,
    endpoints=(
        OWNERS, _records("companies"), _records("contacts"), _records("deals"), STAGES, _party("deal_companies", "companies"),
        _party("deal_contacts", "contacts"), _archive("companies"), _archive("contacts"), _archive("deals"),
    ),
    connect=connect,
    probe=probe,
    secrets=(Secret("token", "the access token of a private app with read scopes"),),
    asks={"base_url": "yes, to use HubSpot: its API's address https://api.hubapi.com/"},
    proven="fake",
    docs="docs/sources/hubspot.md",
)  # fmt: skip
