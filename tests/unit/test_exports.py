"""Exports of vendors' products: what is made of hand-written samples, value by value, and what is said of those that drifted."""

import json
import re
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.contract import tables
from pipelines.errors import ConfigError, Problem, SourceError
from pipelines.landing import Landing
from pipelines.paths import PROJECT
from pipelines.settings import load_settings
from pipelines.sources.files import FilesSource
from pipelines.sources.files.exports import export_named

SAMPLES = PROJECT / "tests" / "fixtures" / "exports"
BERLIN = "Europe/Berlin"
TICKETS = "export-2026-03-06-0944-20082570-3358792057576213a1.json"
USERS = "export-2026-03-06-0951-20082570-3358792057576213b2.json"
DEALS = "hubspot-crm-exports-all-deals-2026-11-20.csv"
CONTACTS = "hubspot-crm-exports-all-contacts-2026-11-20.csv"
COMPANIES = "hubspot-crm-exports-all-companies-2026-11-20.csv"

Rows = list[dict[str, Any]]


@pytest.fixture
def zendesk(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / "zendesk", tmp_path / "zendesk"))


@pytest.fixture
def hubspot(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / "hubspot", tmp_path / "hubspot"))


def read(folder: Path, time_zone: str | None = None) -> tuple[dict[str, Rows], list[str]]:
    """Filled cells of every row by table in order of the key, without the source and the rows' place; and what was told."""
    told: list[str] = []
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        made = FilesSource("acme", folder, time_zone, f"{folder.name}_export").read(connection, told.append)
        found = {}
        for name in made:
            cursor = connection.execute(f"select * exclude (source_id, _file_number) from {name} order by {', '.join(tables()[name].key)}")
            names = [column[0] for column in cursor.description or []]
            found[name] = [{key: value for key, value in zip(names, row, strict=True) if value is not None} for row in cursor.fetchall()]
    return found, told


def problems_of(folder: Path, time_zone: str | None = BERLIN) -> list[Problem]:
    with pytest.raises(SourceError) as caught:
        read(folder, time_zone)
    return caught.value.problems


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def at(day: int, hour: int, minute: int = 0, second: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, second, tzinfo=UTC)


# Zendesk.


def test_tickets_of_zendesk_are_read_value_by_value(zendesk: Path) -> None:
    found, _ = read(zendesk)
    assert sorted(found) == ["support_messages", "support_tickets", "support_users"]
    first, second, third = found["support_tickets"]
    assert first == {
        "ticket_id": "1", "created_at": at(2, 9), "requester_id": "901", "submitter_id": "901", "brand_id": "60", "channel": "email",
        "subject": 'Where is "it"?', "priority": "high", "group_id": "70", "assignee_id": "801", "status": "solved", "is_spam": False,
        "tags": ["late", "parcel"], "updated_at": at(2, 12), "_row_number": 1,
    }  # fmt: skip
    assert second == {
        "ticket_id": "2", "created_at": at(3, 9), "requester_id": "902", "submitter_id": "902", "brand_id": "60", "channel": "chat",
        "subject": "Hello", "status": "open", "is_spam": False, "tags": [], "updated_at": at(3, 9), "_row_number": 2,
    }  # fmt: skip
    assert (third["status"], third["deleted_at"], third["is_spam"], third["channel"]) == ("closed", at(5, 9), True, "web")


def test_comments_of_zendesk_are_messages_of_their_authors(zendesk: Path) -> None:
    found, _ = read(zendesk)
    messages = found["support_messages"]
    assert messages[0] == {
        "message_id": "11", "ticket_id": "1", "author_id": "901", "sent_at": at(2, 9), "is_public": True, "channel": "email",
        "body": "Where?\nNow.", "_row_number": 1,
    }  # fmt: skip
    assert [(each["message_id"], each["author_id"], each["sent_at"], each["is_public"]) for each in messages[1:]] == [
        ("12", "-1", at(2, 9, 0, 5), True),
        ("13", "801", at(2, 9, 30), False),
        ("14", "801", at(2, 10, 15), True),
        ("21", "902", at(3, 9), True),
        ("22", "999", at(3, 9, 10), True),
    ]


def test_users_of_zendesk_come_from_their_own_files_then_from_tickets(zendesk: Path) -> None:
    found, told = read(zendesk)
    people = [(each["user_id"], each["role"], each["is_bot"], each.get("deleted_at")) for each in found["support_users"]]
    assert people == [
        ("-1", "system", True, None),
        ("801", "agent", False, None),
        ("803", "admin", False, at(1, 8, month=2)),
        ("901", "customer", False, None),
        ("902", "customer", False, None),
    ]
    assert found["support_users"][4] == {
        "user_id": "902", "role": "customer", "is_bot": False, "name": "Kim Doe", "email": "kim@customer.example", "phone": "+49 30 1",
        "external_id": "k-2", "organization_id": "50", "created_at": at(1, 8, month=1), "updated_at": at(2, 8, month=1), "_row_number": 1,
    }  # fmt: skip
    assert told == [
        "Columns of tickets that are not used: custom_fields, description, external_id, raw_subject, type, url.",
        "Columns of users that are not used: url.",
        "1 authors of comments are in no file of users, and no ticket tells their role: what they wrote counts neither as a customer's"
        " nor as an agent's. Run an export of users over all dates too.",
        export_named("zendesk_export").cannot_hold,
    ]


def test_a_later_export_of_zendesk_replaces_what_it_holds_again(zendesk: Path, tmp_path: Path) -> None:
    ticket = json.loads((zendesk / TICKETS).read_text().splitlines()[1])
    ticket |= {"status": "solved", "updated_at": "2026-04-01T00:00:00Z"}
    (zendesk / "export-2026-04-02-1000-20082570-0.json").write_text(json.dumps(ticket) + "\n")
    load = Landing(tmp_path / "landing").land(FilesSource("desk", zendesk, None, "zendesk_export"), tmp_path)
    path = str(tmp_path / "landing" / load.tables["support_tickets"].path)
    rows = duckdb.execute("select ticket_id, status, _file_number from read_parquet(?) order by 1, 3", [path]).fetchall()
    assert rows == [("1", "solved", 1), ("2", "open", 1), ("2", "solved", 3), ("3", "closed", 1)]
    assert load.notes[-1] == export_named("zendesk_export").cannot_hold


def test_tickets_without_comments_measure_nothing_and_are_refused(zendesk: Path) -> None:
    edit(zendesk / TICKETS, '"comments"', '"remarks"')
    (problem,) = problems_of(zendesk)
    assert (problem.file, problem.column) == (TICKETS, "comments")
    assert "required of tickets and not there" in problem.what


def test_other_exports_of_zendesk_say_what_to_run_instead(zendesk: Path) -> None:
    (zendesk / "tickets.csv").write_text("Id,Requester,Status\n")
    (zendesk / "export.zip").write_bytes(b"PK")
    (zendesk / "notes.txt").write_text("passed over")
    (zendesk / "orgs.json").write_text('{"id": 1, "domain_names": []}\n')
    found = {problem.file: problem.what for problem in problems_of(zendesk)}
    assert set(found) == {"tickets.csv", "export.zip"}
    assert "hold no comments" in found["tickets.csv"]
    assert "Run a JSON export of tickets and one of users" in found["tickets.csv"]
    assert "Unzip it" in found["export.zip"]
    for name in found:
        (zendesk / name).unlink()
    assert "orgs.json is left out: organizations hold nothing that is measured." in read(zendesk)[1]


def test_a_line_that_is_cut_off_is_named(zendesk: Path) -> None:
    path = zendesk / TICKETS
    path.write_bytes(path.read_bytes()[:-20])
    (problem,) = problems_of(zendesk)
    assert (problem.file, problem.row) == (TICKETS, 3)


def test_a_bad_cell_of_a_comment_is_named_with_its_line(zendesk: Path) -> None:
    edit(zendesk / TICKETS, "2026-03-03T09:10:00Z", "this morning")
    (problem,) = problems_of(zendesk)
    assert (problem.file, problem.column, problem.row, problem.value) == (TICKETS, "sent_at", 2, "this morning")


def test_the_export_names_channels_as_the_api_does() -> None:
    staging = (PROJECT / "dbt_project" / "models" / "staging" / "zendesk" / "stg_zendesk__support_tickets.sql").read_text()
    exported = export_named("zendesk_export").tables["support_tickets"].sql
    rules = [
        re.findall(r"via_channel in (\(.*?\)) then ([^\n]*)", sql.replace("tickets.via_channel", "via_channel"))
        for sql in (staging, exported)
    ]
    assert len(rules[0]) == 4
    assert rules[0] == rules[1]


# HubSpot.


def test_deals_of_hubspot_are_read_value_by_value(hubspot: Path) -> None:
    found, told = read(hubspot, BERLIN)
    assert sorted(found) == ["crm_accounts", "crm_contacts", "crm_deals"]
    assert found["crm_deals"] == [
        {"deal_id": "7001", "account_id": "9001", "contact_id": "8001", "created_at": at(10, 8, 30, month=1),
         "amount": Decimal("15000.5000"), "currency": "EUR", "stage": "Closed won", "closed_at": at(30, 13, month=6), "is_won": True,
         "updated_at": at(30, 13, 1, month=6), "_row_number": 1},
        {"deal_id": "7002", "account_id": "9002", "created_at": at(1, 7, month=7), "amount": Decimal("2500.0000"), "currency": "EUR",
         "stage": "Closed Lost (Sales Pipeline)", "closed_at": at(1, 8, month=7), "is_won": False, "updated_at": at(2, 6, month=7),
         "_row_number": 2},
        {"deal_id": "7003", "contact_id": "8002", "created_at": at(1, 11, month=11), "currency": "EUR", "stage": "Presentation scheduled",
         "updated_at": at(2, 7, month=11), "_row_number": 3},
    ]  # fmt: skip
    assert told == [
        "Columns of contacts that are not used: Company name, Contact owner.",
        "Columns of deals that are not used: Deal Name, Deal owner, Pipeline.",
        export_named("hubspot_export").cannot_hold,
    ]


def test_contacts_and_companies_of_hubspot_survive_a_spreadsheet(hubspot: Path) -> None:
    found, _ = read(hubspot, BERLIN)
    assert found["crm_contacts"] == [
        {"contact_id": "8001", "account_id": "9001", "email": "jane@customer.example", "phone": "+49 30 123", "name": "Jane Roe",
         "created_at": at(9, 9, month=1), "updated_at": at(1, 9, month=2), "_row_number": 1},
        {"contact_id": "8002", "account_id": "9002", "email": "kim@customer.example", "name": "Doe", "created_at": at(1, 8, month=7),
         "updated_at": at(1, 8, month=7), "_row_number": 2},
    ]  # fmt: skip
    assert found["crm_accounts"] == [
        {"account_id": "9001", "name": "=Acme GmbH", "domain": "acme.example", "industry": "LOGISTICS", "employees": 250,
         "created_at": datetime(2025, 12, 31, 22, 30, tzinfo=UTC), "_row_number": 1},
        {"account_id": "9002", "name": "Roe; Sons", "created_at": at(1, 7, month=7), "_row_number": 2},
    ]  # fmt: skip


def test_local_times_need_the_zone_of_the_source(hubspot: Path) -> None:
    found = {(problem.file, problem.column, problem.row) for problem in problems_of(hubspot, None)}
    assert found >= {(DEALS, "Create Date", 1), (DEALS, "Close Date", 1), (CONTACTS, "Create Date", 1), (COMPANIES, "Create Date", 1)}
    assert all("set time_zone for this source" in problem.what for problem in problems_of(hubspot, None))


def test_a_date_that_can_be_read_two_ways_is_refused(hubspot: Path) -> None:
    edit(hubspot / DEALS, "2026-07-01 09:00", "07/01/2026 9:00 AM")
    (problem,) = problems_of(hubspot)
    assert (problem.file, problem.column, problem.row, problem.value) == (DEALS, "Create Date", 2, "07/01/2026 9:00 AM")


def test_a_required_column_that_is_gone_or_renamed_is_named(hubspot: Path) -> None:
    edit(hubspot / DEALS, "Create Date", "Created on")
    (problem,) = problems_of(hubspot)
    assert (problem.file, problem.column) == (DEALS, "Create Date")
    assert "if it has another name now, give it this one" in problem.what
    assert "Created on" in problem.what


def test_headers_may_differ_in_case(hubspot: Path) -> None:
    expected, _ = read(hubspot, BERLIN)
    edit(hubspot / DEALS, "Record ID,Deal Name,Deal Stage", "Record Id,Deal name,Deal stage")
    assert read(hubspot, BERLIN)[0] == expected


def test_a_file_of_no_known_kind_is_named(hubspot: Path) -> None:
    (hubspot / "deals-de.csv").write_text("Datensatz-ID;Deal-Name;Betrag\n1;Neu;10\n")
    (problem,) = problems_of(hubspot)
    assert problem.file == "deals-de.csv"
    assert "deals by Deal Name" in problem.what
    assert "Export it in English" in problem.what


def test_whether_a_deal_is_closed_is_only_known_from_its_columns_or_hubspots_own_stages(hubspot: Path) -> None:
    edit(hubspot / DEALS, "Is Deal Closed?,Is Closed Won", "Their own,Another")
    found, told = read(hubspot, BERLIN)
    assert [(each.get("is_won"), each.get("closed_at")) for each in found["crm_deals"]] == [
        (True, at(30, 13, month=6)),
        (False, at(1, 8, month=7)),
        (None, None),
    ]
    assert any(note.startswith("1 deals do not say whether they are closed") for note in told)


def test_tickets_of_hubspot_are_left_out_and_a_folder_without_exports_is_refused(hubspot: Path, tmp_path: Path) -> None:
    (hubspot / "tickets.csv").write_text("Ticket ID,Ticket name\n1,Help\n")
    assert any("no reply can be timed" in note for note in read(hubspot, BERLIN)[1])
    empty = tmp_path / "elsewhere" / "hubspot"
    empty.mkdir(parents=True)
    (problem,) = problems_of(empty)
    assert "holds no file of HubSpot's CSV exports" in problem.what


# The configuration.


@pytest.mark.usefixtures("hubspot")
def test_an_export_is_configured_listed_and_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = f'[[files]]\nid = "crm"\npath = "hubspot"\ntime_zone = "{BERLIN}"\nformat = "hubspot_export"\n'
    (tmp_path / "twoway.toml").write_text(entry)
    (source,) = load_settings().sources()
    assert source == FilesSource("crm", Path("hubspot"), BERLIN, "hubspot_export")
    assert "hubspot_export" in CliRunner().invoke(app, ["sources", "list"]).output
    assert "ok      crm: 3 file(s) of hubspot_export" in CliRunner().invoke(app, ["sources", "check"]).output
    (tmp_path / "twoway.toml").write_text(entry.replace("hubspot_export", "hubspot"))
    with pytest.raises(ConfigError, match="'canonical', 'hubspot_export' or 'zendesk_export'"):
        load_settings()


def test_another_mapping_lands_anew(hubspot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing, source = Landing(tmp_path / "landing"), FilesSource("crm", hubspot, BERLIN, "hubspot_export")
    first = landing.land(source, tmp_path)
    assert landing.land(source, tmp_path) == first
    monkeypatch.setattr("pipelines.sources.files.source.mapping_sha", lambda name: f"another mapping of {name}")
    assert landing.land(source, tmp_path).load_id == "00000002"


@pytest.mark.parametrize("name", ["zendesk_export", "hubspot_export"])
def test_a_mapping_names_only_kinds_and_columns_that_there_are(name: str) -> None:
    export = export_named(name)
    assert {kind for kind, *_ in export.told_by} == set(export.kinds)
    for kind in export.kinds.values():
        assert set(kind.required) <= set(kind.columns)
        assert (kind.left_out is None) == bool(kind.columns)
    for table, mapped in export.tables.items():
        assert table in tables()
        assert set(mapped.kinds) <= set(export.kinds)
