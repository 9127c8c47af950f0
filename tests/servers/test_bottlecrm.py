"""The BottleCRM connector against BottleCRM itself."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.contract import tables
from pipelines.errors import SourceError
from pipelines.landing import Landing
from pipelines.settings import secrets_of
from pipelines.sources.crm.bottlecrm import BOTTLECRM, LISTINGS, BottleCrmSettings, connect
from pipelines.sources.kit.sync import ApiSource, sync
from tests.api_landing import hurried, sync_on_a_bad_day
from tests.fakes.faults import Faults
from tests.fakes.proxy import Proxy
from tests.fakes.server import served
from tests.servers.bottlecrm.server import ADMIN, BottleCrm
from tests.servers.killing import sync_killed_in_answer
from tests.systems import canonical, staged

SCOPES = [f"{name}:read" for name in LISTINGS]
PAGE_SIZE = 4
Rows = dict[str, dict[str, dict[str, Any]]]


@dataclass
class Company:
    """An organisation of its own on the server, and what it was seeded with, by id."""

    server: BottleCrm
    token: str
    owners: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    deals: dict[str, dict[str, Any]] = field(default_factory=dict)
    invoices: list[str] = field(default_factory=list)
    payments: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def settings(self, url: str = "", page_size: int = PAGE_SIZE) -> BottleCrmSettings:
        return BottleCrmSettings(id="crm", system="bottlecrm", base_url=f"{url or self.server.url}/", page_size=page_size)

    def source(self, url: str = "", page_size: int = PAGE_SIZE) -> ApiSource:
        entry = self.settings(url, page_size)
        return ApiSource(BOTTLECRM, entry, lambda: connect(entry, {"token": SecretStr(self.token)}))

    def rows(self, folder: Path) -> Rows:
        """Canonical rows by table and key."""
        found = canonical(staged(BOTTLECRM, Landing(folder), "crm"), BOTTLECRM)
        return {table: {row[tables()[table].key[0]]: row for row in rows} for table, rows in found.items()}


def seeded(server: BottleCrm, name: str, n_accounts: int) -> Company:
    """An organisation with accounts, twice as many contacts, as many deals, two of three owners' work, and three invoices."""
    server.organisation(name)
    made = Company(server, server.token(SCOPES))
    for number in range(2):
        email = f"rep{number}@{name.lower()}.example"
        made.owners[server.user(email)] = email
    reps = list(made.owners)
    for number in range(n_accounts):
        said = {
            "name": f"Company {number}", "website": f"https://www.c{number}.example/about", "industry": "ENERGY",
            "number_of_employees": 10 + number, "assigned_to": [reps[number % 2]],
        }  # fmt: skip
        made.accounts[server.make("accounts", **said)] = said
    accounts = list(made.accounts)
    for number in range(2 * n_accounts):
        said = {
            "first_name": "Ann", "last_name": f"N{number}", "email": f"ann{number}@c{number % n_accounts}.example",
            "phone": f"+1202555{number:04}", "account": accounts[number % n_accounts], "assigned_to": [reps[number % 2]],
        }  # fmt: skip
        made.contacts[server.make("contacts", **said)] = said
    contacts = list(made.contacts)
    for number in range(n_accounts):
        said = {
            "name": f"Deal {number}", "account": accounts[number], "contacts": [contacts[number]], "amount": f"{100 + number}.50",
            "currency": ("EUR", "USD")[number % 2], "stage": ("PROSPECTING", "NEGOTIATION", "CLOSED_WON", "CLOSED_LOST")[number % 4],
            "closed_on": "2030-01-01",
        }  # fmt: skip
        made.deals[server.make("opportunities", **said)] = said
    for number, paid in enumerate((("60.25", "40"), ("100.25",), ())):
        invoice = server.invoice(accounts[number], contacts[number], "100.25", "EUR")
        made.invoices.append(invoice)
        for day, amount in enumerate(paid, 1):
            made.payments[server.pay(invoice, amount, f"2026-11-{day:02}")] = (accounts[number], amount, f"2026-11-{day:02}")
    return made


@pytest.fixture(scope="module")
def company(bottlecrm: BottleCrm) -> Company:
    """Only read by tests."""
    made = seeded(bottlecrm, "Globex", 12)
    # Inactive ones are listed apart.
    bottlecrm.edit("accounts", next(iter(made.accounts)), is_active=False)
    return made


@pytest.fixture(scope="module")
def clean(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    folder = tmp_path_factory.mktemp("clean")
    sync(company.source(), Landing(folder))
    return company.rows(folder)


def landed(landing: Landing) -> dict[str, int]:
    """Rows of the newest load by table."""
    load = landing.newest("crm")
    return {name.partition("__")[2]: file.rows for name, file in load.tables.items()} if load else {}


def test_what_the_api_says_becomes_canonical_rows(company: Company, clean: Rows) -> None:
    assert {row["email"] for row in clean["crm_owners"].values()} == {ADMIN, *company.owners.values()}
    assert set(company.owners) < set(clean["crm_owners"])
    accounts = clean["crm_accounts"]
    assert {key: (row["name"], row["domain"], row["industry"], row["employees"], row["owner_id"]) for key, row in accounts.items()} == {
        key: (said["name"], f"c{number}.example", "ENERGY", 10 + number, said["assigned_to"][0])
        for number, (key, said) in enumerate(company.accounts.items())
    }
    contacts = clean["crm_contacts"]
    assert {key: (row["email"], row["phone"], row["name"], row["account_id"], row["owner_id"]) for key, row in contacts.items()} == {
        key: (said["email"], said["phone"], f"Ann {said['last_name']}", said["account"], said["assigned_to"][0])
        for key, said in company.contacts.items()
    }
    deals = clean["crm_deals"]
    assert {key: (row["account_id"], row["contact_id"], row["amount"], row["currency"], row["stage"]) for key, row in deals.items()} == {
        key: (said["account"], said["contacts"][0], Decimal(said["amount"]), said["currency"], said["stage"])
        for key, said in company.deals.items()
    }
    won = {"CLOSED_WON": True, "CLOSED_LOST": False}
    assert {key: row["is_won"] for key, row in deals.items()} == {key: won.get(said["stage"]) for key, said in company.deals.items()}
    assert {(row["account_id"], row["amount"], row["currency"], row["occurred_at"]) for row in clean["crm_revenue"].values()} == {
        (account, Decimal(amount), "EUR", datetime.fromisoformat(f"{day}T00:00:00Z")) for account, amount, day in company.payments.values()
    }
    assert all(row.get("deleted_at") is None for rows in clean.values() for row in rows.values())


def test_a_deals_first_stage_has_the_instant_that_the_server_says(company: Company, clean: Rows) -> None:
    stages = {row["deal_id"]: row for row in clean["crm_deal_stage_changes"].values()}
    for key in company.deals:
        said = company.server.call("GET", f"opportunities/{key}/")["opportunity_obj"]
        assert stages[key]["changed_at"] == datetime.fromisoformat(said["stage_changed_at"])
        assert (stages[key]["from_stage"], stages[key]["to_stage"]) == (None, said["stage"])
        closed_at = clean["crm_deals"][key]["closed_at"]
        assert closed_at == (stages[key]["changed_at"] if said["stage"].startswith("CLOSED") else None)


def test_edits_moves_reassignments_and_deletions_arrive_and_nothing_else(bottlecrm: BottleCrm, tmp_path: Path) -> None:
    company = seeded(bottlecrm, "Initech", 6)
    landing, folder = Landing(tmp_path / "landing"), tmp_path / "landing"
    accounts, contacts, deals, reps = (list(each) for each in (company.accounts, company.contacts, company.deals, company.owners))
    sync(company.source(), landing)
    assert landed(landing) == {"users": 3, "accounts": 6, "contacts": 12, "opportunities": 6, "invoices": 3, "invoice_payments": 3}
    assert sync(company.source(), landing) == []

    bottlecrm.edit("contacts", contacts[0], email="new@c0.example")
    bottlecrm.edit("contacts", contacts[1], assigned_to=[reps[0]])
    bottlecrm.edit("accounts", accounts[1], assigned_to=[reps[0]])
    bottlecrm.edit("opportunities", deals[0], stage="QUALIFICATION")
    bottlecrm.edit("opportunities", deals[1], stage="CLOSED_WON")
    bottlecrm.edit("opportunities", deals[4], stage="CLOSED_LOST")
    sync(company.source(), landing)
    assert landed(landing) == {"accounts": 1, "contacts": 2, "opportunities": 3}
    rows = company.rows(folder)
    assert rows["crm_contacts"][contacts[0]]["email"] == "new@c0.example"
    assert rows["crm_contacts"][contacts[1]]["owner_id"] == rows["crm_accounts"][accounts[1]]["owner_id"] == reps[0]
    assert [(rows["crm_deals"][deals[number]]["stage"], rows["crm_deals"][deals[number]]["is_won"]) for number in (0, 1, 4)] == [
        ("QUALIFICATION", None), ("CLOSED_WON", True), ("CLOSED_LOST", False),
    ]  # fmt: skip
    assert sync(company.source(), landing) == []

    # Two moves between syncs: of the first nothing is ever told.
    bottlecrm.edit("opportunities", deals[0], stage="PROPOSAL")
    bottlecrm.edit("opportunities", deals[0], stage="CLOSED_WON")
    bottlecrm.edit("opportunities", deals[4], stage="PROSPECTING")
    bottlecrm.delete("contacts", contacts[11])
    bottlecrm.delete("opportunities", deals[3])
    bottlecrm.delete("accounts", accounts[5])
    first, second, third = company.payments
    bottlecrm.call("DELETE", f"invoices/{company.invoices[0]}/payments/{first}/")
    calls = sync_killed_in_answer(5, company.settings(), {"BOTTLECRM_TOKEN": company.token}, folder)
    assert len(calls) == 5
    sync(company.source(), landing)
    # The account took its deal with it, and its contacts lost their account: one of them is the deleted one.
    assert landed(landing) == {"accounts": 1, "contacts": 2, "opportunities": 4, "invoices": 1, "invoice_payments": 1}
    rows = company.rows(folder)
    gone = {table: {key for key, row in found.items() if row.get("deleted_at") is not None} for table, found in rows.items()}
    assert gone["crm_contacts"] == {contacts[11]}
    assert gone["crm_accounts"] == {accounts[5]}
    assert gone["crm_deals"] == {deals[3], deals[5]}
    assert {rows["crm_deal_stage_changes"][key]["deal_id"] for key in gone["crm_deal_stage_changes"]} == {deals[3], deals[5]}
    assert rows["crm_contacts"][contacts[5]]["account_id"] is None
    assert set(rows["crm_revenue"]) == {second, third}
    moves = {number: stages_of(rows, deals[number]) for number in (0, 1, 4)}
    assert moves == {
        0: [(None, "PROSPECTING"), ("PROSPECTING", "QUALIFICATION"), ("QUALIFICATION", "CLOSED_WON")],
        1: [(None, "NEGOTIATION"), ("NEGOTIATION", "CLOSED_WON")],
        4: [(None, "PROSPECTING"), ("PROSPECTING", "CLOSED_LOST"), ("CLOSED_LOST", "PROSPECTING")],
    }
    reopened = rows["crm_deals"][deals[4]]
    assert (reopened["stage"], reopened["closed_at"], reopened["is_won"]) == ("PROSPECTING", None, None)
    assert sync(company.source(), landing) == []

    fresh = tmp_path / "fresh"
    sync(company.source(), Landing(fresh))
    assert present(company.rows(fresh)) == present(rows)


def stages_of(rows: Rows, deal: str) -> list[tuple[str | None, str]]:
    """The deal's moves in order of time."""
    found = sorted(
        (row["changed_at"], row["from_stage"], row["to_stage"]) for row in rows["crm_deal_stage_changes"].values() if row["deal_id"] == deal
    )
    return [(before, after) for _, before, after in found]


def present(rows: Rows) -> Rows:
    """What a pull into an empty landing can know: no deletions, and of stages only the present one."""
    known = {table: {key: row for key, row in found.items() if row.get("deleted_at") is None} for table, found in rows.items()}
    moves = known.pop("crm_deal_stage_changes").values()
    newest = {row["deal_id"]: row for row in sorted(moves, key=lambda row: row["changed_at"])}
    return known | {"crm_deal_stage_changes": {deal: {**row, "from_stage": None} for deal, row in newest.items()}}


@pytest.mark.parametrize("number", [2, 9, 21])
def test_a_killed_sync_goes_on_to_the_same_rows(company: Company, clean: Rows, tmp_path: Path, number: int) -> None:
    calls = sync_killed_in_answer(number, company.settings(), {"BOTTLECRM_TOKEN": company.token}, tmp_path, rows_per_load=5)
    assert len(calls) == number
    sync(company.source(), Landing(tmp_path))
    assert company.rows(tmp_path) == clean
    assert sync(company.source(), Landing(tmp_path)) == []


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_day_ends_in_the_same_rows(company: Company, clean: Rows, tmp_path: Path, seed: int) -> None:
    faults = Faults(Proxy(company.server.url), seed, lists=("results", "opportunities"), hang_seconds=4.5)
    with served(faults) as url:
        source = company.source(url, page_size=2)
        sync_on_a_bad_day(replace(source, connect=lambda: hurried(source.connect(), timeout_seconds=3.0)), Landing(tmp_path))
    assert sum(faults.spoilt.values()) >= 5
    assert company.rows(tmp_path) == clean


def test_a_wrong_token_is_named_and_never_shown(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = company.settings()
    monkeypatch.setenv("BOTTLECRM_TOKEN", "planted-wrong-token")
    source = ApiSource(BOTTLECRM, entry, lambda: connect(entry, secrets_of(BOTTLECRM, entry)))
    with pytest.raises(
        SourceError, match=r"refuses the token. Make a new one and put it into the environment as BOTTLECRM_TOKEN"
    ) as caught:
        source.probe()
    assert "planted" not in str(caught.value)


def test_a_token_without_a_scope_is_told_which(company: Company) -> None:
    source = replace(company, token=company.server.token(SCOPES[1:])).source()
    with pytest.raises(SourceError, match=r"api/accounts/: is not allowed for this token.*accounts:read"):
        source.probe()


def test_the_probe_counts_what_the_token_can_read(company: Company) -> None:
    assert company.source().probe() == "12 accounts, 24 contacts, 12 opportunities, 3 users, 3 invoices"
