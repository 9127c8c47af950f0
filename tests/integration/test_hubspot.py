"""The HubSpot connector against a fake written from HubSpot's public documentation."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.crm.hubspot import HUBSPOT, HubSpotSettings, connect
from pipelines.sources.kit.sync import ApiSource, sync
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.hubspot import HubSpot
from tests.fakes.server import served
from tests.systems import canonical, staged

TOKEN = "planted-hubspot-token"


@pytest.fixture
def hubspot() -> HubSpot:
    """Some hundred contacts, companies and deals, a page and more of contacts."""
    made, chance = HubSpot(TOKEN), random.Random(3)
    made.owners = [{"id": "7", "email": "rep@acme.example", "firstName": "Rep", "lastName": "One", "updatedAt": "2025-01-01T00:00:00Z"}]
    companies = [
        made.make("companies", name=f"Company {each}", domain=f"c{each}.example", numberofemployees=10 + each) for each in range(30)
    ]
    contacts = []
    for each in range(450):
        named = {"email": f"p{each}@c{each % 30}.example", "firstname": "Ann", "lastname": f"N{each}"}
        contacts.append(made.make("contacts", **named, associatedcompanyid=companies[each % 30]))
    for each in range(120):
        deal = made.deal(f"Deal {each}", chance.choice(companies), chance.choice(contacts), f"{100 + each}.50")
        if chance.random() < 0.7:
            made.move(deal, "offer")
        if chance.random() < 0.5:
            won = chance.random() < 0.6
            made.move(
                deal, "won" if won else "lost", hs_is_closed="true", hs_is_closed_won=str(won).lower(), closedate="2025-06-01T00:00:00Z"
            )
    return made


def source_at(url: str, token: str = TOKEN, rows_per_load: int = 200_000) -> ApiSource:
    settings = HubSpotSettings(id="crm", system="hubspot", base_url=f"{url}/")

    def api() -> Any:
        return hurried(connect(settings, {"token": SecretStr(token)}))

    return ApiSource(HUBSPOT, settings, api, rows_per_load)


def rows_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return canonical(staged(HUBSPOT, Landing(folder), "crm"), HUBSPOT)


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("crm")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def test_what_the_api_says_becomes_canonical_rows(hubspot: HubSpot, tmp_path: Path) -> None:
    with served(hubspot.app) as url:
        sync(source_at(url), Landing(tmp_path))
    rows = rows_of(tmp_path)
    assert {table: len(found) for table, found in rows.items()} == {
        "crm_accounts": 30, "crm_contacts": 450, "crm_deals": 120, "crm_owners": 1,
        "crm_deal_stage_changes": sum(len(each) for each in hubspot.stages.values()),
    }  # fmt: skip
    deal = rows["crm_deals"][0]
    said = hubspot.records["deals"][deal["deal_id"]]["properties"]
    assert (deal["amount"], deal["currency"], deal["stage"]) == (Decimal(said["amount"]), "EUR", said["dealstage"])
    assert deal["account_id"] == hubspot.parties[deal["deal_id"]]["companies"]
    assert deal["contact_id"] == hubspot.parties[deal["deal_id"]]["contacts"]
    won = {row["deal_id"] for row in rows["crm_deals"] if row["is_won"]}
    assert won == {number for number, each in hubspot.records["deals"].items() if each["properties"].get("hs_is_closed_won") == "true"}
    assert all((row["closed_at"] is None) == (row["is_won"] is None) for row in rows["crm_deals"])
    moves = [(row["from_stage"], row["to_stage"]) for row in rows["crm_deal_stage_changes"] if row["deal_id"] == deal["deal_id"]]
    stages = [each["value"] for each in reversed(hubspot.stages[deal["deal_id"]])]
    assert moves == list(zip([None, *stages], stages, strict=False))
    assert rows["crm_contacts"][0]["account_id"] in {row["account_id"] for row in rows["crm_accounts"]}
    assert rows["crm_accounts"][0]["employees"] == 10


def test_a_second_sync_brings_only_what_changed_and_a_third_nothing(hubspot: HubSpot, tmp_path: Path) -> None:
    landing = Landing(tmp_path)
    contacts, deals = list(hubspot.records["contacts"]), list(hubspot.records["deals"])
    with served(hubspot.app) as url:
        sync(source_at(url), landing)
        hubspot.now += timedelta(hours=1)
        hubspot.merge(contacts[0], contacts[1])
        hubspot.archive("contacts", contacts[2])
        hubspot.move(deals[0], "offer")
        sync(source_at(url), landing)
        assert landed(landing) == {"contacts": 1, "deals": 1, "deal_stages": 1, "archived_contacts": 1}
        assert sync(source_at(url), landing) == []
        rows = {row["contact_id"]: row for row in rows_of(tmp_path)["crm_contacts"]}
        assert rows[contacts[1]]["merged_into_contact_id"] == contacts[0]
        assert rows[contacts[2]]["deleted_at"] is not None
        hubspot.restore("contacts", contacts[2])
        sync(source_at(url), landing)
        assert landed(landing) == {"archived_contacts": 1}
    assert {row["contact_id"]: row for row in rows_of(tmp_path)["crm_contacts"]}[contacts[2]]["deleted_at"] is None


def test_a_bulk_import_in_one_millisecond_arrives_whole(tmp_path: Path) -> None:
    """All share a time, more than a page of them and a time in the middle of others."""
    hubspot = HubSpot(TOKEN)
    before = [hubspot.make("contacts", email=f"a{each}@x.example") for each in range(30)]
    hubspot.ticks = False
    imported = [hubspot.make("contacts", email=f"b{each}@x.example") for each in range(950)]
    hubspot.ticks = True
    after = [hubspot.make("contacts", email=f"c{each}@x.example") for each in range(30)]
    with served(hubspot.app) as url:
        sync(source_at(url), Landing(tmp_path))
    found = {row["contact_id"] for row in rows_of(tmp_path)["crm_contacts"]}
    assert found == {*before, *imported, *after}


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_ends_in_the_same_rows(hubspot: HubSpot, tmp_path: Path, seed: int) -> None:
    with served(hubspot.app) as url:
        sync(source_at(url), Landing(tmp_path / "clean"))
    with served(faults := Faults(hubspot.app, seed, hang_seconds=1.5, lists=("results",))) as url:
        sync_on_a_bad_day(source_at(url, rows_per_load=150), Landing(tmp_path / "spoilt"), faults)
    assert rows_of(tmp_path / "spoilt") == rows_of(tmp_path / "clean")


def test_a_wrong_token_is_named_and_never_shown(hubspot: HubSpot, tmp_path: Path) -> None:
    with served(hubspot.app) as url, pytest.raises(SourceError, match=r"/crm/v3/owners: refuses the token.*HTTP 401") as caught:
        sync(source_at(url, token="planted-wrong-token"), Landing(tmp_path))
    assert "planted" not in str(caught.value)


def test_the_probe_counts_what_the_token_can_read(hubspot: HubSpot) -> None:
    with served(hubspot.app) as url:
        assert source_at(url).probe() == "450 contacts, 30 companies, 120 deals"
