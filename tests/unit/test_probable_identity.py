"""Probable identity links: found where exact evidence is missing, none wrong, off by default, refused when unlearnt."""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.contract import tables
from pipelines.errors import ConfigError, TwowayError
from pipelines.identity.probable import EDGES, ProbableLinks, create_edges_table, write_probable_edges
from pipelines.paths import DEFAULT_PLAN
from pipelines.plan import load_plan
from pipelines.settings import load_settings
from pipelines.warehouse import RunContext

N_PEOPLE = 200
FIRST = [
    "anna", "ben", "clara", "david", "emma", "felix", "greta", "hugo", "ida", "jonas", "karla", "leon",
    "mia", "noah", "olga", "paul", "rosa", "simon", "tina", "victor", "wanda", "xaver", "yara", "zeno",
    "luis", "maria", "pedro", "sofia", "tom", "ursula",
]  # fmt: skip
LAST = [
    "schmidt", "meier", "novak", "rossi", "garcia", "silva", "dubois", "martin", "jansen", "kowalski", "andersen", "berg",
    "larsson", "virtanen", "horvath", "popescu", "ivanova", "petrov", "demir", "yilmaz", "tanaka", "sato", "wang", "chen",
    "kim", "park", "singh", "patel", "okafor", "mensah", "oconnor", "murphy", "walker", "hughes",
]  # fmt: skip
DOMAINS = ("gmail.com", "acme.com", "globex.org", "initech.net")
SWITCHBOARD = "+1 555 010 0000"

Person = tuple[str, str, str | None, str | None]


def _typo(rng: random.Random, text: str) -> str:
    at = rng.randrange(1, len(text) - 1)
    return rng.choice([text[:at] + text[at + 1 :], text[:at] + text[at + 1] + text[at] + text[at + 2 :], text[:at] + "q" + text[at:]])


def _people(seed: int) -> tuple[list[Person], list[Person]]:
    """Users and contacts of the same people; equal numbers in the ids are equal people. None shares an exact e-mail.

    Beside them, colleagues with one telephone, siblings with one telephone, and namesakes.
    """
    rng = random.Random(seed)
    users: list[Person] = []
    contacts: list[Person] = []
    for i, (first, last) in enumerate(rng.sample([(first, last) for first in FIRST for last in LAST], N_PEOPLE)):
        domain, phone = rng.choice(DOMAINS), "".join(rng.choices("0123456789", k=10))
        local = f"{first}.{last}"
        users.append((f"u{i}", f"{first} {last}".title(), f"{local}@{domain}", f"+1 ({phone[:3]}) {phone[3:6]}-{phone[6:]}"))
        name = _typo(rng, f"{first} {last}") if i % 2 else f"{first} {last}"
        email = f"{_typo(rng, local)}@{domain}" if i % 5 < 3 else f"{first}{rng.randrange(1000)}@web.de"
        contacts.append((f"k{i}", name, email, f"1{phone}" if i % 4 else None))
    strangers = rng.sample([(first, last) for first in FIRST for last in LAST], 20)
    users += [(f"u9{i:03}", f"{first} {last}", f"{first}.{last}@switch.com", SWITCHBOARD) for i, (first, last) in enumerate(strangers)]
    users += [(f"u98{i}", f"{first} Beispiel", f"{first}@family.org", "030 1234567") for i, first in enumerate(("Anke", "Bernd", "Cosima"))]
    users += [(f"u97{i}", "Erika Muster", f"muster{i}@post.org", None) for i in range(3)]
    return users, contacts


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        opened.execute("create schema raw; create schema run")
        for name in ("support_users", "crm_contacts"):
            columns = ", ".join(f'"{column.name}" {column.data_type}' for column in tables()[name].columns)
            opened.execute(f"create table raw.files__{name} ({columns}, _row_number bigint, _load_id varchar)")
        yield opened


def _load(connection: duckdb.DuckDBPyConnection, users: list[Person], contacts: list[Person]) -> None:
    user_columns = "(source_id, user_id, name, email, phone, role)"
    contact_columns = "(source_id, contact_id, name, email, phone)"
    connection.executemany(f"insert into raw.files__support_users {user_columns} values ('help', ?, ?, ?, ?, 'customer')", users)
    if contacts:
        connection.executemany(f"insert into raw.files__crm_contacts {contact_columns} values ('crm', ?, ?, ?, ?)", contacts)


def _edges(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, float, str]]:
    return connection.execute(f"select left_id, right_id, match_probability, evidence from {EDGES} order by all").fetchall()


@pytest.mark.parametrize("seed", [1, 2])
def test_pairs_without_exact_evidence_are_found_and_none_is_wrong(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    _load(connection, *_people(seed))
    n_links = write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))
    edges = _edges(connection)
    assert len(edges) == n_links
    assert [edge for edge in edges if edge[0][1:] != edge[1][1:]] == []
    assert n_links >= 0.8 * N_PEOPLE
    assert all(0.95 <= probability <= 1 for _, _, probability, _ in edges)
    # What fired is told in words, without the values.
    assert {part for *_, evidence in edges for part in evidence.split(", ")} <= {
        "name same", "name alike", "e-mail alike", "phone same",
    }  # fmt: skip


def test_the_same_rows_give_the_same_links_in_whatever_order_they_come(connection: duckdb.DuckDBPyConnection) -> None:
    users, contacts = _people(3)
    _load(connection, users, contacts)
    write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))
    first = _edges(connection)
    connection.execute("delete from raw.files__support_users; delete from raw.files__crm_contacts")
    _load(connection, users[::-1], contacts[::-1])
    write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))
    assert _edges(connection) == first


def test_staff_machines_merged_and_deleted_records_are_left_out(connection: duckdb.DuckDBPyConnection) -> None:
    _load(connection, *_people(1))
    connection.execute("update raw.files__support_users set role = 'agent' where user_id = 'u1'")
    connection.execute("update raw.files__support_users set is_bot = true where user_id = 'u2'")
    connection.execute("update raw.files__crm_contacts set merged_into_contact_id = 'k9' where contact_id = 'k3'")
    connection.execute("update raw.files__crm_contacts set deleted_at = timestamptz '2024-01-01 00:00:00+00' where contact_id = 'k5'")
    write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))
    linked = {name for edge in _edges(connection) for name in edge[:2]}
    assert linked.isdisjoint({"u1", "u2", "k3", "k5"})
    assert {"u6", "k6"} <= linked


def test_a_model_that_cannot_be_learnt_stops_instead_of_guessing(connection: duckdb.DuckDBPyConnection) -> None:
    strangers: list[Person] = [
        (f"u{i}", f"{first} {first}{LAST[i]}", f"{i}@{first}.{i}.org", f"0{i:02}{i:03}7{i:04}") for i, first in enumerate(FIRST)
    ]
    _load(connection, strangers, [])
    with pytest.raises(TwowayError, match=r"could not be learnt.*(?s:.*)splink says"):
        write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))
    assert _edges(connection) == []


def test_too_few_filled_columns_are_told(connection: duckdb.DuckDBPyConnection) -> None:
    _load(connection, [(f"u{i}", f"{first} {LAST[i]}", None, None) for i, first in enumerate(FIRST)], [])
    with pytest.raises(TwowayError, match="name 30, email 0, phone 0"):
        write_probable_edges(connection, ProbableLinks(threshold=0.95, seed=7))


def test_without_the_extra_the_switch_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twoway.toml").write_text("[identity]\nprobable_links = true\nthreshold = 0.97\n")
    assert load_settings().identity.threshold == 0.97
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(ConfigError, match=r"pip install 'twoway\[identity\]'"):
        load_settings()


@pytest.mark.parametrize("threshold", [0.5, 1.01])
def test_a_threshold_must_be_a_probability_above_a_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: float) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "twoway.toml").write_text(f"[identity]\nthreshold = {threshold}\n")
    with pytest.raises(ConfigError, match=r"identity\.threshold"):
        load_settings()


def test_switched_off_there_are_no_links_and_the_run_is_the_same_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "splink", None)
    assert not load_settings().identity.probable_links
    with duckdb.connect(":memory:") as connection:
        connection.execute("create schema run")
        create_edges_table(connection)
        assert _edges(connection) == []


def test_the_run_id_knows_whether_and_how_probable_links_were_made() -> None:
    def run_id(probable_links: ProbableLinks | None) -> str:
        return RunContext(datetime(2024, 1, 1, tzinfo=UTC), [], load_plan(DEFAULT_PLAN), b"key", False, probable_links).run_id

    assert len({run_id(None), run_id(ProbableLinks(0.95, 1)), run_id(ProbableLinks(0.9, 1))}) == 3
