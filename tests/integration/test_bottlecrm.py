"""The BottleCRM connector where a real server is hard to bring: lists that move while they are read, and time that goes by."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.sources.crm.bottlecrm import BOTTLECRM, BottleCrmSettings, connect
from pipelines.sources.kit.sync import ApiSource, sync
from tests.fakes.bottlecrm import BottleCrm
from tests.fakes.scripted import Answer, Scripted
from tests.fakes.server import served
from tests.systems import canonical, staged

TOKEN = "bcrm_pat_planted"


def source_at(url: str, page_size: int = 3) -> ApiSource:
    settings = BottleCrmSettings(id="crm", system="bottlecrm", base_url=f"{url}/", page_size=page_size)
    return ApiSource(BOTTLECRM, settings, lambda: connect(settings, {"token": SecretStr(TOKEN)}))


def contacts_of(folder: Path) -> dict[str, dict[str, Any]]:
    rows = canonical(staged(BOTTLECRM, Landing(folder), "crm"), BOTTLECRM)["crm_contacts"]
    return {row["contact_id"]: row for row in rows}


@pytest.fixture
def crm() -> BottleCrm:
    """Twenty contacts."""
    made = BottleCrm(TOKEN)
    contacts = made.records("contacts/")
    contacts[:] = [{**contacts[0], "id": f"contact-{number:02}"} for number in range(20)]
    return made


def test_time_that_goes_by_and_others_records_are_no_change(crm: BottleCrm, tmp_path: Path) -> None:
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
        for deal in crm.records("opportunities/"):
            deal |= {"days_in_stage": 9, "aging_status": "red", "created_on_arrow": "9 days ago", "next_activity": {"kind": "call"}}
            deal["account"]["name"] = deal["contacts"][0]["email"] = "renamed"
        for account in crm.records("accounts/"):
            account["rollups"] = {"open_deal_count": 7}
            account["assigned_to"][0]["user_details"]["last_login"] = "2026-11-22T00:00:00Z"
        for user in crm.records("users/"):
            user["active_token_count"] = 4
            user["user_details"]["last_login"] = "2026-11-22T00:00:00Z"
        for invoice in crm.records("invoices/"):
            invoice |= {"is_overdue": True, "account_name": "renamed"}
        assert sync(source_at(url), Landing(tmp_path)) == []


def test_the_order_of_nested_records_is_no_change(crm: BottleCrm, tmp_path: Path) -> None:
    (deal, *_), contact = crm.records("opportunities/"), {"id": "ffff", "email": "b@c.example"}
    deal["contacts"] = [contact, {"id": "0000", "email": "a@c.example"}]
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
        deal["contacts"].reverse()
        assert sync(source_at(url), Landing(tmp_path)) == []
    rows = canonical(staged(BOTTLECRM, Landing(tmp_path), "crm"), BOTTLECRM)["crm_deals"]
    assert {row["deal_id"]: row["contact_id"] for row in rows}[deal["id"]] == "0000"


@pytest.mark.parametrize("n_deleted", [1, 2, 7])
def test_deletions_while_a_list_is_read_hide_no_other_record(crm: BottleCrm, tmp_path: Path, n_deleted: int) -> None:
    """All that stand behind them move up, past the page that is asked for next."""
    contacts = crm.records("contacts/")

    def delete(path: str) -> None:
        if path == "contacts/" and sum(call.startswith(path) for call in crm.calls) == 5:
            del contacts[:n_deleted]

    crm.before = delete
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
    assert {f"contact-{number:02}" for number in range(20)} == set(contacts_of(tmp_path))


def test_a_list_that_comes_short_is_read_again(crm: BottleCrm, tmp_path: Path) -> None:
    """The first answer holds one record and counts two."""
    contacts = crm.records("contacts/")
    kept = list(contacts)

    def shorten(path: str) -> None:
        if path == "contacts/":
            n_calls = sum(call.startswith(path) for call in crm.calls)
            contacts[:] = kept if n_calls > 1 else [kept[0], kept[0]]

    crm.before = shorten
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
    assert len(contacts_of(tmp_path)) == 20


def test_a_list_that_never_holds_what_it_counts_stops_the_source(crm: BottleCrm, tmp_path: Path) -> None:
    contacts = crm.records("contacts/")
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
        contacts[:] = [contacts[0]] * 20
        with pytest.raises(SourceError, match=r"api/contacts/: counts 20 records and lists 1, 5 times in a row"):
            sync(source_at(url), Landing(tmp_path))
    assert all(row["deleted_at"] is None for row in contacts_of(tmp_path).values())


def test_a_server_that_knows_no_offset_stops_the_source(crm: BottleCrm, tmp_path: Path) -> None:
    crm.knows_offset = False
    with served(crm.app) as url, pytest.raises(SourceError, match=r"api/contacts/: counts 20 records and lists 3, 5 times in a row"):
        sync(source_at(url), Landing(tmp_path))


def test_records_without_an_id_stop_the_source(crm: BottleCrm, tmp_path: Path) -> None:
    del crm.records("opportunities/")[1]["id"]
    with served(crm.app) as url, pytest.raises(SourceError, match=r"api/opportunities/: has records without an id in opportunities"):
        sync(source_at(url), Landing(tmp_path))


def test_an_answer_without_its_list_stops_the_source(tmp_path: Path) -> None:
    with (
        served(Scripted(Answer({"per_page": 10}))) as url,
        pytest.raises(SourceError, match=r"api/users/: answers without active_users.active_users\. Check base_url"),
    ):
        sync(source_at(url), Landing(tmp_path))


def test_contacts_of_an_accounts_list_belong_to_it(crm: BottleCrm, tmp_path: Path) -> None:
    """Most contacts are tied to an account by the account's list alone."""
    contact = crm.records("contacts/")[0]
    contact |= {"account": None, "account_detail": None, "linked_accounts": [{"id": "zz", "name": "Z"}, {"id": "aa", "name": "A"}]}
    with served(crm.app) as url:
        sync(source_at(url), Landing(tmp_path))
    assert contacts_of(tmp_path)[contact["id"]]["account_id"] == "aa"
