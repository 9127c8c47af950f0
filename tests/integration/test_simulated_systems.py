"""A simulated company through the fakes of three vendors: what a sync brings is what happened."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.landing import Landing
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.registry import system_named
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.mastodon import person_id
from tests.fakes.server import served
from tests.fakes.simulated import GOOD_FROM, Company, Row, hubspot_of, mastodon_of, simulated, zendesk_of
from tests.systems import canonical, staged


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return simulated(tmp_path_factory.mktemp("simulated") / "company")


def pulled(name: str, app: Any, secrets: Mapping[str, str], folder: Path, **settings: Any) -> dict[str, list[Row]]:
    """Canonical rows of a sync on a bad day, in loads of a hundred rows: fewer than HubSpot's contacts of one second."""
    system, hidden = system_named(name), {key: SecretStr(value) for key, value in secrets.items()}
    with served(faults := Faults(app, 7, hang_seconds=1.5, lists=("tickets", "users", "ticket_events", "results"))) as url:
        entry = system.settings.model_validate({"id": "it", "system": name, "base_url": f"{url}/", **settings})
        source = ApiSource(system, entry, lambda: hurried(system.connect(entry, hidden)), rows_per_load=100)
        sync_on_a_bad_day(source, Landing(folder), faults)
    assert sum(faults.spoilt.values()) > 1
    with served(app) as url:
        entry = entry.model_copy(update={"base_url": f"{url}/"})
        assert sync(ApiSource(system, entry, lambda: system.connect(entry, hidden)), Landing(folder)) == []
    return canonical(staged(system, Landing(folder), "it"), system)


def second(at: datetime | None) -> datetime | None:
    """As a vendor tells it that tells no more."""
    return at.replace(microsecond=0) if at is not None else None


def test_zendesk_brings_every_ticket_message_change_and_rating(company: Company, tmp_path: Path) -> None:
    fake, of, tables = zendesk_of(company), company.of, company.tables
    rows = pulled("zendesk", fake.app, {"email": fake.email, "token": fake.token}, tmp_path)
    wanted = Counter(
        (str(of("ticket", row["ticket_id"])), str(of("user", row["author_id"])), row["is_public"], second(row["sent_at"]), row["body"])
        for row in tables["support_messages"]
    )
    said = rows["support_messages"]
    assert Counter((row["ticket_id"], row["author_id"], row["is_public"], row["sent_at"], row["body"]) for row in said) == wanted
    assert {
        row["ticket_id"]: (row["requester_id"], row["created_at"], row["status"], row["priority"], row["assignee_id"], row["channel"])
        for row in rows["support_tickets"]
    } == {
        str(of("ticket", row["ticket_id"])): (
            str(of("user", row["requester_id"])), second(row["created_at"]), row["status"], row["priority"],
            str(of("user", row["assignee_id"])) if row["assignee_id"] else None, row["channel"],
        )
        for row in tables["support_tickets"]
    }  # fmt: skip

    def value(row: Row, name: str) -> str:
        return str(of("user", row[name])) if row["field"] == "assignee_id" else row[name]

    changes = Counter(
        (str(of("ticket", row["ticket_id"])), second(row["changed_at"]), row["field"], value(row, "old_value"), value(row, "new_value"))
        for row in tables["support_ticket_changes"]
    )
    assert changes == Counter(
        (row["ticket_id"], row["changed_at"], row["field"], row["old_value"], row["new_value"]) for row in rows["support_ticket_changes"]
    )
    assert {row["rating_id"]: (row["score"], row["rated_at"]) for row in rows["support_ratings"]} == {
        str(of("rating", row["rating_id"])): (
            None if row["score"] is None else float(row["score"] >= GOOD_FROM), second(row["rated_at"]),
        )
        for row in tables["support_ratings"]
    }  # fmt: skip


def test_hubspot_brings_every_contact_deal_and_move(company: Company, tmp_path: Path) -> None:
    fake, of, tables = hubspot_of(company), company.of, company.tables
    rows = pulled("hubspot", fake.app, {"token": fake.token}, tmp_path)
    assert {row["contact_id"]: (row["email"], row["name"], row["owner_id"]) for row in rows["crm_contacts"]} == {
        of("contact", row["contact_id"]): (row["email"], row["name"], of("owner", row["owner_id"])) for row in tables["crm_contacts"]
    }
    assert {
        row["deal_id"]: (row["contact_id"], row["stage"], float(row["amount"]), row["is_won"], second(row["closed_at"]))
        for row in rows["crm_deals"]
    } == {
        of("deal", row["deal_id"]): (
            of("contact", row["contact_id"]), row["stage"], float(row["amount"]), row["is_won"], second(row["closed_at"]),
        )
        for row in tables["crm_deals"]
    }  # fmt: skip
    moves = Counter(
        (of("deal", row["deal_id"]), second(row["changed_at"]), row["from_stage"], row["to_stage"])
        for row in tables["crm_deal_stage_changes"]
    )
    # A deal's first stage is a move from nowhere.
    assert moves == Counter(
        (row["deal_id"], second(row["changed_at"]), row["from_stage"], row["to_stage"])
        for row in rows["crm_deal_stage_changes"]
        if row["from_stage"] is not None
    )


def test_mastodon_brings_what_a_brand_said_and_who_spoke_to_it(company: Company, tmp_path: Path) -> None:
    brands = {row["account_id"] for row in company.tables["social_accounts"] if row["is_brand"]}
    named = Counter(each for row in company.tables["social_posts"] for each in row["mentioned_account_ids"] if each in brands)
    ((brand, _),) = named.most_common(1)
    fake = mastodon_of(company, brand)
    rows = pulled("mastodon", fake.app, {"token": fake.token}, tmp_path, brand_id="b1")
    handles = {row["account_id"]: row["handle"] for row in company.tables["social_accounts"]} | {brand: "brand"}
    accounts = {row["account_id"]: row["handle"] for row in rows["social_accounts"]}
    seen = {row["post_id"]: row for row in rows["social_posts"]}
    written = [row for row in company.tables["social_posts"] if ("post", row["post_id"]) in company.ids]
    assert len(written) == len(seen) > 40
    answers = 0
    for row in written:
        found = seen[company.of("post", row["post_id"])]
        assert (found["text"], second(found["created_at"])) == (row["text"], second(row["created_at"]))
        assert accounts[found["account_id"]].split("@")[0] == handles[row["account_id"]]
        mentioned = ["100" if each == brand else person_id(handles[each]) for each in row["mentioned_account_ids"]]
        assert found["mentioned_account_ids"] == mentioned
        if ("post", row["in_reply_to_post_id"]) in company.ids:
            answers += 1
            assert found["in_reply_to_post_id"] == company.of("post", row["in_reply_to_post_id"])
    assert answers > 5
