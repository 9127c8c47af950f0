"""Erasing a person: from landed files and systems, from every copy in a home, and for good."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

import pipelines.erasure.erase
import pipelines.landing
from pipelines.contract import tables
from pipelines.erasure.erase import erase, finish_erasure, plan_erasure
from pipelines.erasure.find import find_person, known_identities
from pipelines.erasure.landed import landed_rows
from pipelines.erasure.receipt import receipt_text
from pipelines.erasure.tombstones import Tombstones
from pipelines.errors import ConfigError, SourceError
from pipelines.ingest import land_sources, usable_loads
from pipelines.landing import Landing
from pipelines.paths import DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.raw_systems import OUTSIDE
from pipelines.settings import FilesSettings, Settings
from pipelines.sources.files import FilesSource
from pipelines.sources.kit.sync import ApiSource, known_state, sync
from pipelines.sources.support.zendesk import ZENDESK
from pipelines.warehouse import RunContext, connect, load_raw
from tests.fakes.server import served
from tests.fakes.zendesk import Zendesk
from tests.integration.test_zendesk import EMAIL as ADMIN
from tests.integration.test_zendesk import TOKEN, source_at
from tests.planted import EMAIL, FILES, GONE, HANDLE, NAME, PHONE, WORDS, copies_of, write_files
from tests.systems import canonical, staged

KEY = b"key of the home"
Row = dict[str, Any]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the company's files in `acme` and a home in which they were landed."""
    made = tmp_path_factory.mktemp("company")
    home = Home(made / "home")
    home.prepare()
    Landing(home.landing).land(FilesSource("acme", write_files(made / "acme")), home.temp)
    return made


@pytest.fixture
def home(company: Path, tmp_path: Path) -> Home:
    shutil.copytree(company, tmp_path, dirs_exist_ok=True)
    return Home(tmp_path / "home")


@pytest.fixture
def folder(home: Home) -> Path:
    return home.root.parent / "acme"


def land(home: Home, folder: Path) -> Landing:
    landing = Landing(home.landing, Tombstones(home.erasures, KEY))
    landing.land(FilesSource("acme", folder), home.temp)
    return landing


def erased(home: Home, who: str = EMAIL) -> Row:
    plan = plan_erasure(home, KEY, who)
    assert plan is not None
    return erase(home, KEY, plan)


def rows_of(landing: Landing) -> dict[str, list[Row]]:
    """Rows of the newest load of the files by table, with the columns that people have words in."""
    load = landing.newest("acme")
    assert load is not None
    landing.verify(load)
    found = {}
    for name, landed in load.tables.items():
        cursor = duckdb.execute(
            "select * exclude (_row_number) from read_parquet(?) order by _row_number", [str(landing.root / landed.path)]
        )
        names = [column[0] for column in cursor.description or []]
        found[name] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        assert landed.rows == len(found[name]), name
    return found


def key_of(table: str, row: Row) -> str:
    return row[tables()[table].key[0]]


def test_a_person_leaves_landing_and_everyone_else_stays(home: Home, folder: Path) -> None:
    before = rows_of(land(home, folder))
    receipt = erased(home)
    after = rows_of(Landing(home.landing))

    first = {"identity_links": "left_id"}
    gone = {
        name: {row[first.get(name, tables()[name].key[0])] for row in rows if row not in after[name]}
        - {row[first.get(name, tables()[name].key[0])] for row in after[name]}
        for name, rows in before.items()
    }
    assert {name: keys for name, keys in gone.items() if keys} == GONE | {"identity_links": {"u1"}}
    changed = {
        (name, key_of(name, row), column)
        for name, rows in after.items()
        for row in rows
        for old in before[name]
        if name != "identity_links" and key_of(name, old) == key_of(name, row)
        for column in row
        if row[column] != old[column]
    }
    assert changed == {
        ("support_tickets", "t2", "subject"), ("support_tickets", "t2", "submitter_id"), ("support_messages", "m3", "body"),
        ("support_ticket_changes", "c3", "actor_id"), ("social_posts", "p3", "text"), ("social_posts", "p3", "in_reply_to_post_id"),
        ("social_posts", "p3", "in_reply_to_account_id"), ("social_posts", "p3", "mentioned_account_ids"),
    }  # fmt: skip
    (message,) = [row for row in after["support_messages"] if row["message_id"] == "m3"]
    assert message["body"] == "my colleague [erased], [erased], or ([erased]."
    assert {row["table"]: row["rows_removed"] for row in receipt["rows"]} == {name: len(keys) for name, keys in GONE.items()}
    assert copies_of(home.root) == []


def test_each_rewritten_file_has_a_new_sha256_and_a_line_in_its_manifest(home: Home, folder: Path) -> None:
    landing = land(home, folder)
    before = landing.newest("acme")
    receipt = erased(home)
    after = landing.newest("acme")
    assert before is not None
    assert after is not None
    (line,) = after.erasures
    assert line["receipt"] == receipt["receipt"]
    touched = {name for name in before.tables if before.tables[name].sha256 != after.tables[name].sha256}
    assert touched == set(line["tables"]) == set(GONE)
    assert all(
        (change["sha256_before"], change["sha256_after"]) == (before.tables[name].sha256, after.tables[name].sha256)
        for name, change in line["tables"].items()
    )
    assert after.inputs == before.inputs
    written = json.loads((home.erasures / f"{receipt['receipt']}.json").read_text())
    assert written == receipt
    assert {each["file"] for each in written["files"]} == {after.tables[name].path for name in touched}
    shown = receipt_text(receipt, "there")
    assert "support_messages" in shown
    assert not [word for word in (*WORDS, "u1", "k1", "bea") if word in shown.lower().split()]


def test_a_person_is_found_by_whatever_names_one(home: Home, folder: Path) -> None:
    landing = land(home, folder)
    with duckdb.connect(":memory:") as connection:
        known = known_identities(connection, landed_rows(connection, landing), home)
    ways = [EMAIL, f" {EMAIL.upper()} ", f"@{HANDLE}", HANDLE.upper(), f"mastodon:{HANDLE}", "(0)30 55501997", PHONE, "ext-planted-77",
            "acme:u1", "acme:k1", "acme:social_accounts:s1"]  # fmt: skip
    for who in ways:
        person = find_person(known, who)
        assert person is not None, who
        assert {id_ for _, _, id_ in person.identities} == {"u1", "k1", "s1"}, who
    for nobody in ("zq", "customer.example", "u1", "1997", "acme:t1", ""):
        assert find_person(known, nobody) is None, nobody
    for staff in ("ann@company.example", "@brand", "acme:a1", "acme:b1"):
        with pytest.raises(ConfigError, match="staff or of a brand"):
            find_person(known, staff)
    assert not home.erasures.exists()


def test_no_other_file_of_the_home_keeps_a_word(home: Home, folder: Path) -> None:
    landing = land(home, folder)
    load = landing.newest("acme")
    assert load is not None
    with duckdb.connect(str(home.build)) as connection:
        for name, landed in load.tables.items():
            connection.execute(f"create table {name} as from read_parquet('{home.landing / landed.path}')")
        connection.execute("delete from support_messages")
    (home.logs / "run.log").write_text(f"{EMAIL} and {NAME}\n")
    (home.landing / "last_attempts.json").write_text(json.dumps([{"error": f"{NAME!r} is not true or false"}]))
    (home.temp / "spilled.tmp").write_text(EMAIL)
    (home.landing / "acme" / "support_users" / "00000009.parquet").write_text(NAME)
    history = home.dagster / "history" / "runs.db"
    history.parent.mkdir()
    with sqlite3.connect(history) as database:
        database.execute("create table event_logs (id integer primary key, event text)")
        database.execute("insert into event_logs (event) values (?), ('kept')", [json.dumps({"message": f"value {NAME}, {EMAIL}"})])
    database.close()
    assert {path.partition(" ")[0] for path in copies_of(home.root)} >= {
        "build.duckdb", "logs/run.log", "landing/last_attempts.json", "temp/spilled.tmp", "dagster/history/runs.db",
    }  # fmt: skip
    erased(home)
    assert copies_of(home.root) == []
    with sqlite3.connect(history) as database:
        events = [event for (event,) in database.execute("select event from event_logs order by id").fetchall()]
    database.close()
    assert events == ['{"message": "value [erased], [erased]"}', "kept"]


def test_a_grown_file_does_not_bring_the_person_back(home: Home, folder: Path) -> None:
    land(home, folder)
    erased(home)
    kept = rows_of(Landing(home.landing))
    grown = {
        "support_users": "u9,customer,Zq Plantedname,zq.planted@customer.example,,,2025-04-01T00:00:00Z,2025-04-01T00:00:00Z\n",
        "support_tickets": "t9,2025-04-01T00:00:00Z,u9,u9,a new plantedsubject,open,\nt10,2025-04-02T00:00:00Z,u2,u2,mine,open,\n",
        "support_messages": "m9,t9,a1,2025-04-01T01:00:00Z,true,plantedbody\nm10,t10,u2,2025-04-02T00:00:00Z,true,ask @zq_plantedhandle\n",
    }
    for name, lines in grown.items():
        (folder / f"{name}.csv").write_text(FILES[name] + lines)
    landing = land(home, folder)
    after = rows_of(landing)
    added = {name: [key_of(name, row) for row in rows if row not in kept[name]] for name, rows in after.items()}
    assert {name: keys for name, keys in added.items() if keys} == {"support_tickets": ["t10"], "support_messages": ["m10"]}
    assert after["support_messages"][-1]["body"] == "ask [erased]"
    assert copies_of(home.root) == []
    load = landing.newest("acme")
    assert load is not None
    assert {name: load.tables[name].erased for name in grown} == {"support_users": 2, "support_tickets": 2, "support_messages": 4}


@pytest.fixture
def zendesk() -> Zendesk:
    """An account with one planted person, who wrote on a ticket of somebody else's too, and two others."""
    made = Zendesk(ADMIN, TOKEN)
    brand, agent = made.brand("north"), made.user("agent", "agent")
    planted = made.user("zq.planted", email=EMAIL, phone=PHONE, external_id="crm-planted")
    others = [made.user("bea"), made.user("cem")]
    for customer in (planted, *others):
        ticket = made.ticket(customer, f"plantedsubject of {NAME}" if customer == planted else "a question", brand)
        made.comment(ticket, agent, f"dear {NAME}" if customer == planted else "dear customer", status="solved")
        made.rate(made.offer(ticket), "good")
    made.comment(2, planted, "plantedbody in somebody's ticket")
    made.comment(3, others[1], f"tell {EMAIL}", status="open")
    return made


def source_of(url: str) -> ApiSource:
    return source_at(url)


def rows_of_desk(home: Home) -> dict[str, list[Row]]:
    return canonical(staged(ZENDESK, Landing(home.landing), "desk"), ZENDESK)


def test_a_backfill_of_a_system_does_not_bring_the_person_back(home: Home, zendesk: Zendesk) -> None:
    planted = next(number for number, user in zendesk.users.items() if user["email"] == EMAIL)
    with served(zendesk.app) as url:
        sync(source_of(url), Landing(home.landing))
        before = rows_of_desk(home)
        erased(home)
        assert copies_of(home.root) == []
        after = rows_of_desk(home)
        landing = Landing(home.landing, Tombstones(home.erasures, KEY))
        assert sync(source_of(url), landing) == []

        zendesk.ticket(planted, "a new plantedsubject", min(zendesk.brands))
        zendesk.comment(4, min(zendesk.users), "plantedbody")
        again = zendesk.user("zq.planted.again", email=EMAIL.upper())
        zendesk.ticket(again, "plantedsubject under another id", min(zendesk.brands))
        forget_cursors(home)
        assert known_state("desk", landing)
        made = sync(source_of(url), landing)
    assert [load.tables for load in made] == []
    assert rows_of_desk(home) == after
    assert copies_of(home.root) == []

    assert {row["user_id"] for row in before["support_users"]} - {row["user_id"] for row in after["support_users"]} == {str(planted)}
    assert [row["ticket_id"] for row in after["support_tickets"]] == ["2", "3"]
    assert {row["body"] for row in before["support_messages"]} - {row["body"] for row in after["support_messages"]} == {
        f"plantedsubject of {NAME}", f"dear {NAME}", "plantedbody in somebody's ticket", f"tell {EMAIL}",
    }  # fmt: skip
    kept = {name: [row for row in rows if row in before[name]] for name, rows in after.items()}
    differing = {name: [row for row in rows if row not in before[name]] for name, rows in after.items()}
    assert [row["body"] for row in differing.pop("support_messages")] == ["tell [erased]"]
    assert not any(differing.values())
    assert all(kept.values())


def forget_cursors(home: Home) -> None:
    """As after a restore of landing from a backup: everything is pulled from the beginning."""
    shutil.rmtree(home.landing / "desk" / "_dlt")
    for path in (home.landing / "desk" / "_loads" / "_dlt_pipeline_state").glob("*"):
        path.unlink()


POINTS: list[tuple[str, str, int]] = [
    ("pipelines.landing", "replace_durably", 1),
    ("pipelines.landing", "replace_durably", 2),
    ("pipelines.landing", "write_text_durably", 0),
    ("pipelines.erasure.landed", "sha256_of", 1),
    ("pipelines.erasure.erase", "delete_built", 0),
    ("pipelines.erasure.erase", "receipt_of", 0),
]


@pytest.mark.parametrize(("module", "name", "after"), POINTS)
def test_a_killed_erasure_is_finished_by_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, name: str, after: int
) -> None:
    home, few = Home(tmp_path / "small"), ("support_users", "support_tickets", "support_messages", "social_accounts", "crm_contacts")
    home.prepare()
    land(home, write_files(tmp_path / "acme", {name: FILES[name] for name in few}))
    with monkeypatch.context() as patched:
        patched.setattr(f"{module}.{name}", dying(getattr(pytest.importorskip(module), name), after))
        with pytest.raises(KeyboardInterrupt):
            erased(home)
    receipt = finish_erasure(home, KEY)
    assert receipt is not None
    assert {row["table"]: row["rows_removed"] for row in receipt["rows"]} == {name: len(GONE[name]) for name in few}
    assert sorted(path.name for path in home.erasures.iterdir()) == [f"{receipt['receipt']}.json", "tombstones.jsonl"]
    assert copies_of(tmp_path / "small") == []
    rows_of(Landing(home.landing))
    assert finish_erasure(home, KEY) is None


def dying(function: Callable[..., Any], after: int) -> Callable[..., Any]:
    calls = iter(range(10_000))

    def call(*arguments: Any, **named: Any) -> Any:
        if next(calls) == after:
            raise KeyboardInterrupt
        return function(*arguments, **named)

    return call


def test_a_load_in_which_an_erasure_was_cut_off_says_how_to_finish_it(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = land(home, folder)
    with monkeypatch.context() as patched:
        patched.setattr(pipelines.landing, "replace_durably", dying(pipelines.landing.replace_durably, 3))
        with pytest.raises(KeyboardInterrupt):
            erased(home)
    load = landing.newest("acme")
    assert load is not None
    with pytest.raises(SourceError, match="an erasure was cut off"):
        landing.verify(load)


def test_rows_that_left_are_counted_where_they_came_in(home: Home, folder: Path) -> None:
    landing = land(home, folder)
    erased(home)
    load = landing.newest("acme")
    assert load is not None
    context = RunContext(datetime(2025, 6, 1, tzinfo=UTC), [load], load_plan(DEFAULT_PLAN), KEY, False)
    with connect(home.build, "1GB", home.temp) as connection:
        load_raw(connection, landing, context)
        counts = connection.execute(
            "select table_name, rows_in, dropped, reason from run.load_counts where table_name in ('support_messages', 'crm_accounts')"
        ).fetchall()
    assert sorted(counts) == [
        ("crm_accounts", 1, 0, f"timestamp {OUTSIDE}"),
        ("support_messages", 6, 0, f"timestamp {OUTSIDE}"),
        ("support_messages", 6, 3, "erased at the person's request"),
    ]


def test_a_reply_that_was_pulled_before_its_ticket_was_known_leaves_landing_too(
    home: Home, zendesk: Zendesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = next(number for number, user in zendesk.users.items() if user["email"] == EMAIL)
    shutil.rmtree(home.landing / "acme")
    settings = Settings(home=home.root, systems=[{"id": "desk", "system": "zendesk", "base_url": "https://acme.zendesk.com/"}],
                        secret_key=SecretStr(KEY.decode()))  # fmt: skip
    with served(zendesk.app) as url:
        monkeypatch.setattr(Settings, "api_sources", lambda _: [source_of(url)])
        land_sources(settings)
        erased(home)
        number = zendesk.ticket(planted, "another", min(zendesk.brands))
        hidden = zendesk.tickets.pop(number)
        zendesk.comment(1, min(zendesk.users), "plantedbody")
        zendesk.events[-1] |= {"ticket_id": number}
        land_sources(settings)
        # The answer came before the ticket that tells whose it is.
        assert "plantedbody" in " ".join(copies_of(home.landing))
        zendesk.tickets[number] = {**hidden, "updated_at": zendesk._tick()}
        land_sources(settings)
    assert copies_of(home.root) == []
    assert [load.erasures[-1]["receipt"].endswith("-later") for load in Landing(home.landing).loads("desk") if load.erasures][-1]


def test_a_run_finishes_a_killed_erasure_before_it_lands_anything(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=home.root, files=[FilesSettings(id="acme", path=folder)], secret_key=SecretStr(KEY.decode()))
    with monkeypatch.context() as patched:
        patched.setattr(pipelines.erasure.erase, "delete_built", dying(pipelines.erasure.erase.delete_built, 0))
        with pytest.raises(KeyboardInterrupt):
            erased(home)
    assert copies_of(home.landing)
    (load,) = usable_loads(settings)
    assert load.erasures
    told: list[str] = []
    land_sources(settings, tell=told.append)
    assert told == []
    assert copies_of(home.root) == []


def test_a_user_deleted_for_good_at_zendesk_is_deleted_here_and_named_no_more(home: Home, zendesk: Zendesk) -> None:
    shutil.rmtree(home.landing / "acme")
    planted = next(number for number, user in zendesk.users.items() if user["email"] == EMAIL)
    with served(zendesk.app) as url:
        sync(source_of(url), Landing(home.landing))
        zendesk.users[planted] |= {
            "name": "Permanently Deleted User", "email": None, "phone": None, "external_id": None, "active": False,
            "permanently_deleted": True, "updated_at": zendesk._tick(),
        }  # fmt: skip
        sync(source_of(url), Landing(home.landing))
    (row,) = [row for row in rows_of_desk(home)["support_users"] if row["user_id"] == str(planted)]
    assert (row["email"], row["phone"], row["external_id"], row["name"]) == (None, None, None, "Permanently Deleted User")
    assert row["deleted_at"] is not None
    # Landing keeps what was said before, until the person is erased here too.
    assert "zq.planted" in " ".join(copies_of(home.landing))
    erased(home)
    assert copies_of(home.root) == []
