"""Fakes filled with what happened in a simulated company, in the order in which it happened, so that what a sync brings has a truth.

What a vendor's API can't carry (microseconds, ratings from one to five) is rounded here as the vendor would.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipelines.simulate.command import simulate_into
from tests.fakes.hubspot import HubSpot
from tests.fakes.mastodon import Mastodon, person_id
from tests.fakes.zendesk import Zendesk

Row = dict[str, Any]
GOOD_FROM = 4
# As Zendesk names them.
VIA = {"phone": "voice", "social": "twitter", "other": "rule"}


@dataclass
class Company:
    """A simulated company's canonical rows by table; `ids` tells the fake's id of each record by kind and simulated id."""

    tables: dict[str, list[Row]]
    ids: dict[tuple[str, str], Any] = field(default_factory=dict)

    def of(self, kind: str, simulated: str | None) -> Any:
        return None if simulated is None else self.ids[kind, simulated]


def simulated(folder: Path, seed: int = 3, customers: int = 120, weeks: int = 12) -> Company:
    """A company in which service wins."""
    simulate_into(folder, "true", seed, customers, weeks, force=False)
    tables = {}
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        for file in sorted(folder.glob("*.parquet")):
            cursor = connection.execute("select * from read_parquet(?)", [str(file)])
            names = [column[0] for column in cursor.description or []]
            tables[file.stem] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return Company(tables)


def played(acts: list[tuple[datetime, Callable[[], None]]], fake: Any, tick: timedelta) -> None:
    """Let things happen in the order of their time, each at its own; the fake's clock moves by a tick of its own with each."""
    for at, act in sorted(acts, key=lambda each: each[0]):
        fake.now = at - tick
        act()


def zendesk_of(company: Company) -> Zendesk:
    """Users, tickets with their messages and changes, and ratings."""
    fake, tables, ids = Zendesk("admin@acme.example", "token-1234"), company.tables, company.ids
    ids["brand", "b1"] = fake.brand("b1")
    for user in tables["support_users"]:
        fake.now = user["created_at"] - timedelta(minutes=1)
        role = "end-user" if user["role"] == "customer" else "agent"
        ids["user", user["user_id"]] = fake.user(user["name"], role, email=user["email"])
    openings = {f"{ticket['ticket_id']}-1" for ticket in tables["support_tickets"]}
    texts = {row["message_id"]: row["body"] for row in tables["support_messages"]}
    acts: list[tuple[datetime, Callable[[], None]]] = []

    def open_(row: Row) -> None:
        people = company.of("user", row["requester_id"]), company.of("user", row["submitter_id"])
        number = fake.ticket(
            people[0], texts[f"{row['ticket_id']}-1"], ids["brand", row["brand_id"]], people[1], VIA.get(row["channel"], row["channel"])
        )
        first = [
            each for each in tables["support_ticket_changes"] if (each["ticket_id"], each["field"]) == (row["ticket_id"], "assignee_id")
        ]
        assignee = min(first, key=lambda each: each["changed_at"])["old_value"] if first else row["assignee_id"]
        fake.tickets[number] |= {"priority": row["priority"], "assignee_id": company.of("user", assignee)}
        ids["ticket", row["ticket_id"]] = number

    def say(row: Row) -> None:
        author = company.of("user", row["author_id"])
        ids["message", row["message_id"]] = fake.comment(ids["ticket", row["ticket_id"]], author, row["body"], row["is_public"])

    def change(row: Row) -> None:
        value = company.of("user", row["new_value"]) if row["field"] == "assignee_id" else row["new_value"]
        fake.change(ids["ticket", row["ticket_id"]], company.of("user", row["actor_id"]), **{row["field"]: value})

    def offer(row: Row) -> None:
        ids["rating", row["rating_id"]] = fake.offer(ids["ticket", row["ticket_id"]])

    def rate(row: Row) -> None:
        fake.rate(ids["rating", row["rating_id"]], "good" if row["score"] >= GOOD_FROM else "bad")

    acts += [(row["created_at"], lambda row=row: open_(row)) for row in tables["support_tickets"]]
    acts += [(row["sent_at"], lambda row=row: say(row)) for row in tables["support_messages"] if row["message_id"] not in openings]
    acts += [(row["changed_at"], lambda row=row: change(row)) for row in tables["support_ticket_changes"]]
    acts += [(row["offered_at"], lambda row=row: offer(row)) for row in tables["support_ratings"]]
    acts += [(row["rated_at"], lambda row=row: rate(row)) for row in tables["support_ratings"] if row["rated_at"]]
    played(acts, fake, timedelta(minutes=1))
    return fake


def hubspot_of(company: Company) -> HubSpot:
    """Contacts, and deals with their moves from stage to stage."""
    fake, tables, ids = HubSpot("token-5678"), company.tables, company.ids
    for owner in tables["crm_owners"]:
        ids["owner", owner["owner_id"]] = str(len(fake.owners) + 1)
        email = f"{owner['owner_id']}@acme.example"
        fake.owners.append({"id": ids["owner", owner["owner_id"]], "email": email, "firstName": owner["name"], "lastName": None})
    house = fake.make("companies", name="All")
    acts: list[tuple[datetime, Callable[[], None]]] = []

    def meet(row: Row) -> None:
        said = {"email": row["email"], "firstname": row["name"], "hubspot_owner_id": company.of("owner", row["owner_id"])}
        ids["contact", row["contact_id"]] = fake.make("contacts", **said)

    def deal(row: Row) -> None:
        number = fake.deal(row["deal_id"], house, company.of("contact", row["contact_id"]), str(row["amount"]))
        fake.records["deals"][number]["properties"]["dealstage"] = fake.stages[number][0]["value"] = "lead"
        ids["deal", row["deal_id"]] = number

    def move(row: Row) -> None:
        is_closed = row["to_stage"] in ("won", "lost")
        closing = {"hs_is_closed": "true", "hs_is_closed_won": str(row["to_stage"] == "won").lower()} if is_closed else {}
        fake.move(company.of("deal", row["deal_id"]), row["to_stage"], **closing)
        if is_closed:
            number = company.of("deal", row["deal_id"])
            fake.records["deals"][number]["properties"]["closedate"] = fake.stages[number][0]["timestamp"]

    acts += [(row["created_at"], lambda row=row: meet(row)) for row in tables["crm_contacts"]]
    acts += [(row["created_at"], lambda row=row: deal(row)) for row in tables["crm_deals"]]
    acts += [(row["changed_at"], lambda row=row: move(row)) for row in tables["crm_deal_stage_changes"]]
    played(acts, fake, timedelta(minutes=1))
    return fake


def mastodon_of(company: Company, brand: str) -> Mastodon:
    """What one of the brand's accounts wrote, and the mentions of it.

    Args:
        company: all of it.
        brand: the account's simulated id.
    """
    fake, ids = Mastodon("token-9999"), company.ids
    handles = {row["account_id"]: row["handle"] for row in company.tables["social_accounts"]}
    acts: list[tuple[datetime, Callable[[], None]]] = []

    def write(row: Row) -> None:
        answered = company.ids.get(("post", row["in_reply_to_post_id"]))
        if row["account_id"] == brand:
            mentions = [{"id": person_id(handles[each]), "acct": handles[each]} for each in row["mentioned_account_ids"]]
            ids["post", row["post_id"]] = fake.post(row["text"], answered, row["client_app"], mentions=mentions)
        else:
            ids["post", row["post_id"]] = fake.mention(handles[row["account_id"]], row["text"], answered)

    seen = [row for row in company.tables["social_posts"] if row["account_id"] == brand or brand in row["mentioned_account_ids"]]
    acts += [(row["created_at"], lambda row=row: write(row)) for row in seen]
    played(acts, fake, timedelta(hours=1))
    return fake
