"""What counts as a person's words in a text, who is meant by a name, and what tombstones keep."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pytest

from pipelines.contract import tables
from pipelines.erasure.clearing import Clearing, tokens_of
from pipelines.erasure.find import Identity, Known, Name, Person, find_person
from pipelines.erasure.published import clean_snapshot
from pipelines.erasure.receipt import receipt_text
from pipelines.erasure.tables import CANONICAL, canonical_tables, system_tables
from pipelines.erasure.tombstones import FILE, Tombstones
from pipelines.errors import ConfigError
from pipelines.paths import Home
from pipelines.sources.registry import MODULES, system_named

KEY = b"key"
NAMES: tuple[Name, ...] = (("email", "jane@x.example"), ("handle", "mastodon:jane_doe@social.example"), ("handle", "github:solved"),
                           ("handle", "x:moon"),                           ("phone", "711234567"))  # fmt: skip


@pytest.fixture
def clearing(tmp_path: Path) -> Clearing:
    tombstones = Tombstones(tmp_path, KEY)
    tombstones.add(Person(frozenset(), frozenset(NAMES), 0, True, frozenset()).hashes(tombstones))
    return Clearing(tombstones)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("write to Jane@X.example.", "write to [erased]."),
        ("<a href='mailto:jane@x.example'>jane@x.example</a>", "<a href='mailto:[erased]'>[erased]</a>"),
        ("jane%40x.example", "[erased]"),
        ("notjane@x.example jane@x.example.org jane@y.example", "notjane@x.example jane@x.example.org jane@y.example"),
        ("hi @jane_doe, see @Jane_Doe@social.example!", "hi [erased], see [erased]!"),
        ("https://social.example/@jane_doe/1", "https://social.example/[erased]/1"),
        ("jane_doe2 and jane", "jane_doe2 and jane"),
        ("it is solved", "it is [erased]"),
        ("solved", "solved"),
        ("full moon, @moon", "full moon, [erased]"),
        ("ring +49 171 1234567 or 0171/1234567", "ring [erased] or [erased]"),
        ("0171 1234567 2026-01-01", "[erased] 2026-01-01"),
        ("call +49 171 1234568, order 71123456 7", "call +49 171 1234568, order 71123456 7".replace("71123456 7", "[erased]")),
        ("ticket 17112345678", "ticket 17112345678"),
    ],
)
def test_whole_tokens_are_blanked_out_of_texts(clearing: Clearing, before: str, after: str) -> None:
    assert clearing.text(before) == after
    assert clearing.text(after) == after


def test_hostile_texts_take_no_longer_than_others(clearing: Clearing) -> None:
    started = time.process_time()
    for text in ("a+" * 50_000, "1 " * 50_000, "@" * 50_000, "a@" * 50_000, "+1(" * 50_000, "x." * 50_000, "%40" * 50_000):
        assert clearing.text(text) == text
    assert time.process_time() - started < 5


def test_json_is_cleared_by_its_values(clearing: Clearing) -> None:
    assert (
        clearing.json('{"b": "x\\njane@x.example", "a": [1, {"status": "solved"}]}') == '{"a":[1,{"status":"solved"}],"b":"x\\n[erased]"}'
    )
    assert clearing.json('{"login": "solved", "state": "solved"}') == '{"login":"[erased]","state":"solved"}'
    assert clearing.json('{"b": 1,   "a": 2}') == '{"b": 1,   "a": 2}'
    assert clearing.json("not JSON: jane@x.example") == "not JSON: [erased]"


def test_elements_of_a_person_leave_a_list(clearing: Clearing) -> None:
    clearing.tombstones.add({"person": [clearing.tombstones.hash_of("person", "desk", "support_users", "7")]})
    said = '[{"author_id":7,"body":"a"},{"author_id":8,"body":"b"},{"body":"c"}]'
    assert json.loads(clearing.json(said, "author_id", ("desk", "support_users"))) == [{"author_id": 8, "body": "b"}, {"body": "c"}]
    assert clearing.json(said, "author_id", ("other", "support_users")) == said


def test_tokens_of_an_identifier() -> None:
    assert tokens_of("email", "a@b.example") == ["a@b.example"]
    assert tokens_of("handle", "x:moon") == ["@moon"]
    assert tokens_of("handle", "mastodon:ann@social.example") == ["@ann", "ann@social.example"]


def test_tombstones_hold_hashes_only_and_know_them_again(tmp_path: Path) -> None:
    made = Tombstones(tmp_path, KEY)
    assert made.add({"identifier": [made.hash_of("identifier", "email", "jane@x.example")]}) == 1
    assert made.add({"identifier": [made.hash_of("identifier", "email", "jane@x.example")]}) == 0
    assert "jane" not in (tmp_path / FILE).read_text()
    again = Tombstones(tmp_path, KEY)
    assert again.holds("identifier", "email", "jane@x.example")
    assert not again.holds("identifier", "handle", "jane@x.example")
    assert not again.holds("identifier", "email", "bea@x.example")


def test_a_line_that_was_cut_off_is_left_out_and_later_ones_are_read(tmp_path: Path) -> None:
    made = Tombstones(tmp_path, KEY)
    made.add({"person": ["a" * 32]})
    with (tmp_path / FILE).open("a") as file:
        file.write('\n{"kind": "person", "ha')
    torn = Tombstones(tmp_path, KEY)
    assert torn.hashes["person"] == {"a" * 32}
    torn.add({"person": ["b" * 32]})
    assert Tombstones(tmp_path, KEY).hashes["person"] == {"a" * 32, "b" * 32}


def test_another_key_stops_instead_of_bringing_persons_back(tmp_path: Path) -> None:
    Tombstones(tmp_path, KEY).add({"person": ["a" * 32]})
    with pytest.raises(ConfigError, match=r"made with another key.*TWOWAY_SECRET_KEY"):
        Tombstones(tmp_path, b"another")


def test_sql_and_python_hash_alike(tmp_path: Path) -> None:
    made = Tombstones(tmp_path, b"k" * 100)
    with duckdb.connect(":memory:") as connection:
        made.prepare(connection)
        ((found,),) = connection.execute("select erasure_hash(['person', 'açme', 'support_users', '7'])").fetchall()
    assert found == made.hash_of("person", "açme", "support_users", "7")


def known(named: dict[str, Iterable[Name]], persons: dict[str, str] | None = None, staff: Iterable[str] = ()) -> Known:
    """Contacts of one source, by id; `persons` are those of the last build."""
    made = Known()
    for id_, names in named.items():
        made.names[of(id_)] = set(names)
        made.current[of(id_)] = set(names)
    made.persons = {of(id_): person for id_, person in (persons or {}).items()}
    made.customer_ids = {person: f"{person}0123456789abcdef" for person in made.persons.values()}
    made.staff = {of(id_) for id_ in staff}
    return made


def of(id_: str) -> Identity:
    return ("crm", "crm_contacts", id_)


JANE: Name = ("email", "jane@x.example")
OFFICE: Name = ("email", "office@x.example")


def ids(person: Person | None) -> set[str]:
    assert person is not None
    return {id_ for _, _, id_ in person.identities}


def test_the_last_build_decides_who_is_one_person() -> None:
    everyone = known({"1": [OFFICE], "2": [OFFICE], "3": []}, {"1": "aa", "2": "bb", "3": "aa"})
    assert ids(find_person(everyone, "crm:1")) == {"1", "3"}
    with pytest.raises(ConfigError, match=r"Several persons.*crm:1 .*crm:2 .*source:id"):
        find_person(everyone, "office@x.example")
    assert ids(find_person(everyone, "bb012345")) == {"2"}
    assert find_person(everyone, "bb01234") is None


def test_what_was_landed_since_the_last_build_is_tied_by_exact_evidence() -> None:
    assert ids(find_person(known({"1": [JANE], "2": [JANE]}, {"1": "aa"}), "crm:1")) == {"1", "2"}
    shared = known({"1": [OFFICE, JANE], "2": [OFFICE], "3": [OFFICE]}, {"1": "aa", "2": "bb"})
    assert ids(find_person(shared, "crm:1")) == {"1"}


def test_what_also_names_others_is_not_the_persons() -> None:
    person = find_person(known({"1": [OFFICE, JANE], "2": [OFFICE]}, {"1": "aa", "2": "bb"}), "crm:1")
    assert person is not None
    assert (person.names, person.shared) == (frozenset([JANE]), 1)


def test_an_address_that_moved_to_somebody_else_names_the_new_owner() -> None:
    moved = known({"1": [JANE], "2": [JANE]})
    moved.current = {of("1"): {("email", "new@x.example")}, of("2"): {JANE}}
    assert ids(find_person(moved, "jane@x.example")) == {"2"}
    first = find_person(moved, "crm:1")
    assert ids(first) == {"1"}
    assert first is not None
    assert JANE not in first.names


def test_staff_is_refused_whichever_identity_is_named() -> None:
    with pytest.raises(ConfigError, match="staff or of a brand"):
        find_person(known({"1": [JANE], "2": [JANE]}, staff=["2"]), "crm:1")


def test_landing_alone_does_not_tie_a_crowd_together() -> None:
    crowd = known({str(each): [OFFICE] for each in range(51)})
    with pytest.raises(ConfigError, match=r"51 identities.*twoway run"):
        find_person(crowd, "crm:1")


def test_every_column_named_for_erasing_is_in_the_contract() -> None:
    assert set(CANONICAL) <= set(tables())
    with duckdb.connect(":memory:") as connection:
        for name, table in canonical_tables().items():
            columns = ", ".join(f'"{column}" {type_}' for column, type_ in table.columns.items())
            connection.execute(f"create table {name} (source_id varchar, {columns})")
            told = [sql for pair in (*table.owners, *table.links) for sql in pair] + [sql for _, sql in table.identifiers]
            told += [column for column, _ in (*table.references, *table.lists)] + [sql for _, *columns in table.within for sql in columns]
            told += [table.staff] if table.staff else []
            for other, *key in table.within:
                assert len(key) == len(tables()[other].key), (name, other)
            if told:
                connection.execute(f"select {', '.join(told)} from {name}")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_a_connector_says_of_people_fits_its_columns(name: str) -> None:
    system = system_named(name)
    made = system_tables(system, "it")
    with duckdb.connect(":memory:") as connection:
        for each, table in made.items():
            connection.execute(f"create table {each} ({', '.join(f'{column} {type_}' for column, type_ in table.columns.items())})")
            told = [sql for pair in table.owners for sql in pair] + [sql for _, sql in table.identifiers]
            told += [column for column, _ in table.references] + [column for column, _, _ in table.elements]
            told += [sql for _, *columns in table.within for sql in columns] + ([table.staff] if table.staff else [])
            for other, *key in table.within:
                assert len(key) == len(made[other].key), (each, other)
            if told:
                connection.execute(f"select {', '.join(told)} from {each}")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_connector_says_whose_its_records_are(name: str) -> None:
    made = system_tables(system_named(name), "it")
    assert any(table.is_of_identities and table.owners for table in made.values())


def test_the_snapshot_loses_the_persons_rows_and_keeps_its_descriptions(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    with duckdb.connect(str(home.snapshot)) as connection:
        connection.execute(
            """
            create schema core; create schema meta;
            create table core.fct_tickets as
            from (values ('s', 't1', 'aa'), ('s', 't2', 'bb'), ('r', 't1', 'bb')) t(source_id, ticket_id, customer_id);
            create table core.fct_ratings as from (values ('t1', 5), ('t2', 4)) t(ticket_id, score);
            create table core.fct_ticket_history as from (values ('s', 't1'), ('r', 't1')) t(source_id, ticket_id);
            create table core.dim_customer as from (values ('aa'), ('bb')) t(customer_id);
            create table core.dim_brand as from (values ('b1')) t(brand_id);
            create table meta.build as select 'before' as build_id;
            comment on column core.dim_brand.brand_id is 'A brand''s id.'
            """
        )
    clean_snapshot(home, ["aa"], "receipt")
    with duckdb.connect(str(home.snapshot), read_only=True) as connection:
        names = ("core.dim_customer", "core.fct_tickets", "core.fct_ratings", "core.fct_ticket_history", "core.dim_brand", "meta.build")
        found = {name: connection.execute(f"from {name} order by all").fetchall() for name in names}
        comments = connection.execute("select comment from duckdb_columns() where comment is not null").fetchall()
    assert found == {
        "core.dim_customer": [("bb",)], "core.fct_tickets": [("r", "t1", "bb"), ("s", "t2", "bb")], "core.fct_ratings": [("t2", 4)],
        "core.fct_ticket_history": [("r", "t1")], "core.dim_brand": [("b1",)], "meta.build": [("receipt",)],
    }  # fmt: skip
    assert comments == [("A brand's id.",)]
    clean_snapshot(home, None, "receipt")
    assert not home.snapshot.exists()


def test_a_receipt_says_what_stays_for_others() -> None:
    receipt = {
        "receipt": "2026-01-01-abcd",
        "finished_at": "now",
        "rows": [],
        "files": [],
        "identities": 1,
        "identifiers_shared_with_others": 1,
    }
    text = receipt_text(receipt, "there")
    assert "No landed row" in text
    assert "1 identifier also names others" in text
    assert "1 identity of the person" in text
