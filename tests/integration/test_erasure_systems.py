"""A person is erased from what GitHub, HubSpot and Mastodon told, and a backfill does not tell it again."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.erasure.erase import erase, erase_late_rows, plan_erasure
from pipelines.erasure.tombstones import Tombstones
from pipelines.landing import Landing
from pipelines.paths import Home
from pipelines.sources.kit.sync import ApiSource, sync
from pipelines.sources.registry import system_named
from tests.fakes.bluesky import RecordedBluesky
from tests.fakes.bottlecrm import BottleCrm
from tests.fakes.github import GitHub
from tests.fakes.hubspot import HubSpot
from tests.fakes.mastodon import Mastodon
from tests.fakes.request_tracker import RequestTracker
from tests.fakes.server import served
from tests.planted import EMAIL, HANDLE, NAME, PHONE, copies_of
from tests.systems import canonical, staged

KEY, TOKEN = b"key of the home", "planted-token"
DID = "7hnvnhhm2giirjyjqgp3luvj"


def github() -> tuple[Any, dict[str, Any], str, Callable[[], None]]:
    fake = GitHub()
    fake.repository("acme/app")
    fake.comment("acme/app", fake.issue("acme/app", HANDLE, "plantedsubject"), "dev", "fixed the plantedbody", "MEMBER")
    theirs = fake.issue("acme/app", "bea", f"as https://github.example/{HANDLE} said")
    fake.comment("acme/app", theirs, HANDLE, "plantedbody")
    fake.comment("acme/app", theirs, "dev", f"thanks, @{HANDLE}", "MEMBER")

    def later() -> None:
        fake.comment("acme/app", fake.issue("acme/app", HANDLE, "plantedsubject again"), "dev", "plantedbody", "MEMBER")

    return fake, {"repositories": ["acme/app"]}, f"github:{HANDLE}", later


def hubspot() -> tuple[Any, dict[str, Any], str, Callable[[], None]]:
    fake = HubSpot(TOKEN)
    fake.owners = [{"id": "7", "email": "rep@acme.example", "firstName": "Rep", "lastName": "One"}]
    company = fake.make("companies", name="Acme")
    planted = fake.make("contacts", email=EMAIL, phone=PHONE, firstname="Zq", lastname="Plantedname")
    fake.deal(f"Deal of {NAME}", company, planted, "10")
    fake.deal(f"As {EMAIL} has", company, fake.make("contacts", email="bea@other.example"), "20")
    fake.archive("contacts", fake.make("contacts", email="gone@other.example"))

    def later() -> None:
        fake.deal(f"Another of {NAME}", company, planted, "10")

    return fake, {}, EMAIL, later


def mastodon() -> tuple[Any, dict[str, Any], str, Callable[[], None]]:
    fake = Mastodon(TOKEN)
    fake.post("plantedbody answered", reply_to=fake.mention(HANDLE, "@brand plantedpost"))
    fake.mention("bea", f"@brand as @{HANDLE} says")
    fake.post(f"news of @<span>{HANDLE}</span>")

    def later() -> None:
        fake.post("plantedbody again", reply_to=fake.mention(HANDLE, "@brand plantedpost again"))

    return fake, {}, f"@{HANDLE}", later


def _forget_cursors(home: Home) -> None:
    """Everything is pulled from the beginning then."""
    shutil.rmtree(home.landing / "it" / "_dlt")
    shutil.rmtree(home.landing / "it" / "_loads" / "_dlt_pipeline_state")


STAYS = {
    "github": {"support_tickets": 1, "support_messages": 2, "support_users": 2},
    "hubspot": {"crm_contacts": 1, "crm_deals": 1, "crm_accounts": 1, "crm_deal_stage_changes": 1},
    "mastodon": {"social_accounts": 2, "social_posts": 2, "social_post_metrics": 1},
}


@pytest.mark.parametrize(("name", "make"), [("github", github), ("hubspot", hubspot), ("mastodon", mastodon)])
def test_a_person_leaves_a_system_and_stays_away(tmp_path: Path, name: str, make: Callable[[], Any]) -> None:
    fake, own, who, later = make()
    system, home = system_named(name), Home(tmp_path / "home")
    home.prepare()
    with served(fake.app) as url:
        settings = system.settings.model_validate({"id": "it", "system": system.name, "base_url": f"{url}/", **own})
        secrets = {"token": SecretStr(TOKEN)} if system.name != "github" else {}
        source = ApiSource(system, settings, lambda: system.connect(settings, secrets))
        sync(source, Landing(home.landing))
        assert copies_of(home.landing)
        plan = plan_erasure(home, KEY, who)
        assert plan is not None
        erase(home, KEY, plan)
        assert copies_of(home.root) == []
        rows = canonical(staged(system, Landing(home.landing), "it"), system)
        assert {table: len(rows[table]) for table in STAYS[name]} == STAYS[name]
        texts = [row.get("body") or row.get("text") or "" for name in rows for row in rows[name]]
        if system.name != "hubspot":
            assert any("[erased]" in text for text in texts)

        later()
        _forget_cursors(home)
        landing = Landing(home.landing, Tombstones(home.erasures, KEY))
        assert landing.tombstones is not None
        sync(source, landing)
        erase_late_rows(home, landing, landing.tombstones)
        assert sync(source, landing) == []
    assert copies_of(home.root) == []
    assert canonical(staged(system, landing, "it"), system) == rows


def _recorded(name: str) -> tuple[Any, dict[str, Any], dict[str, str], str, tuple[str, ...]]:
    """A recorded server, its settings and secrets, a customer in it, and words of that customer's."""
    if name == "bluesky":
        sky = RecordedBluesky()
        own = {"brand_accounts": [sky.brand], "page_size": sky.page_size}
        return sky, own, {}, "@jane2.test", ("jane2.test", "where is it?", DID)
    if name == "bottlecrm":
        bottle = BottleCrm(TOKEN)
        (deal,) = [each for each in bottle.records("opportunities/") if each["contacts"]][:1]
        chosen = deal["contacts"][0]["id"]
        (contact,) = [each for each in bottle.records("contacts/") if each["id"] == chosen]
        return bottle.app, {}, {"token": TOKEN}, contact["email"], (contact["email"], chosen)
    desk = {"brand_of_queue": {"Billing": "acme-pay"}}
    return RequestTracker(), desk, {"token": TOKEN}, "jane@example.com", ("jane@example.com", "it never came", "where is my parcel")


def _copies(home: Home, words: tuple[str, ...]) -> list[str]:
    """Where a sync of Bluesky goes on is noted by account, for every account that the server lists: an id, and no word."""
    return [each for each in copies_of(home.root, words) if not each.endswith(DID) or ".parquet" in each]


@pytest.mark.parametrize("name", ["bluesky", "bottlecrm", "request_tracker"])
def test_a_person_leaves_a_recorded_system_and_stays_away(tmp_path: Path, name: str) -> None:
    app, own, hidden, who, words = _recorded(name)
    system, home = system_named(name), Home(tmp_path / "home")
    home.prepare()
    with served(app) as url:
        settings = system.settings.model_validate({"id": "it", "system": name, "base_url": f"{url}/", **own})
        secrets = {key: SecretStr(value) for key, value in hidden.items()}
        source = ApiSource(system, settings, lambda: system.connect(settings, secrets))
        sync(source, Landing(home.landing))
        assert all(any(found.endswith(word) for found in copies_of(home.landing, words)) for word in words)
        plan = plan_erasure(home, KEY, who)
        assert plan is not None
        erase(home, KEY, plan)
        assert _copies(home, words) == []
        rows = canonical(staged(system, Landing(home.landing), "it"), system)
        assert any(rows.values())
        landing = Landing(home.landing, Tombstones(home.erasures, KEY))
        assert landing.tombstones is not None
        _forget_cursors(home)
        sync(source, landing)
        erase_late_rows(home, landing, landing.tombstones)
    assert _copies(home, words) == []
    assert canonical(staged(system, landing, "it"), system) == rows
