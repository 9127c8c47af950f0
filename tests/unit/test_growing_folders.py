"""Folders that grow: a table in several files, of which the newest says what holds now."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import Problem, SourceError
from pipelines.explain.origins import rows_of_ticket
from pipelines.files_io import sha256_of
from pipelines.landing import Landing, Load
from pipelines.paths import DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.settings import load_settings
from pipelines.sources.files import FilesSource
from pipelines.sources.files.folder import by_age
from pipelines.warehouse import RunContext, load_raw

AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
TICKETS = "ticket_id,created_at,requester_id,subject\n"
VERSIONED = "ticket_id,created_at,requester_id,subject,updated_at\n"
JANUARY = "2026-01-01T00:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "acme"
    made.mkdir()
    return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        opened.execute("set TimeZone = 'UTC'")
        yield opened


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def land(home: Home, folder: Path) -> Load:
    return Landing(home.landing).land(FilesSource("acme", folder), home.temp)


def raw(connection: duckdb.DuckDBPyConnection, home: Home, load: Load, columns: str) -> list[tuple[object, ...]]:
    """Columns of the raw tickets after a load, by key."""
    load_raw(connection, Landing(home.landing), RunContext(AS_OF, [load], load_plan(DEFAULT_PLAN), b"key", False))
    return connection.execute(f"select {columns} from raw.files__support_tickets order by ticket_id").fetchall()


def counts(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return connection.execute("select rows_in, dropped, reason from run.load_counts where dropped > 0").fetchall()


def problems_of(folder: Path) -> list[Problem]:
    with duckdb.connect(":memory:") as connection, pytest.raises(SourceError) as caught:
        FilesSource("acme", folder).read(connection)
    return caught.value.problems


def test_a_table_may_come_in_files_of_every_kind(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    put(folder, "support_tickets.csv", TICKETS + f"t1,{JANUARY},c1,one\n")
    put(folder, "support_tickets.2026-11.csv.gz", TICKETS + f"t2,{JANUARY},c1,two\n")
    put(folder, "support_tickets/2026-11-20.jsonl", json.dumps({"ticket_id": "t3", "created_at": JANUARY, "requester_id": 7}) + "\n")
    put(folder, "support_tickets/2026/11-21.csv", TICKETS + f"t4,{JANUARY},c1,four\n")
    when = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    table = pa.table({"ticket_id": ["t5"], "created_at": when, "requester_id": ["c1"]})
    pq.write_table(table, folder / "support_tickets" / "2026-11-22.parquet")
    with pa.CompressedOutputStream(str(folder / "support_tickets" / "2026-11-23.csv.zst"), "zstd") as stream:
        stream.write((TICKETS + f"t6,{JANUARY},c1,six\n").encode())
    load = land(home, folder)
    assert raw(connection, home, load, "ticket_id, requester_id, subject, source_id") == [
        ("t1", "c1", "one", "acme"),
        ("t2", "c1", "two", "acme"),
        ("t3", "7", None, "acme"),
        ("t4", "c1", "four", "acme"),
        ("t5", "c1", None, "acme"),
        ("t6", "c1", "six", "acme"),
    ]
    assert load.tables["support_tickets"].origin == "6 files, the newest support_tickets/2026-11-23.csv.zst"
    assert sorted(load.inputs)[-1] == "support_tickets/2026/11-21.csv"
    assert len(load.inputs) == 6
    assert counts(connection) == []


def test_the_newest_file_says_what_a_key_holds_and_older_versions_are_counted(
    connection: duckdb.DuckDBPyConnection, home: Home, folder: Path
) -> None:
    put(folder, "support_tickets/2026-11-09.csv", TICKETS + f"t1,{JANUARY},c1,oldest\nt2,{JANUARY},c1,only here\n")
    put(folder, "support_tickets/2026-11-20.csv", TICKETS + f"t1,{JANUARY},c1,older\n")
    put(folder, "support_tickets/2026-11-21.csv", TICKETS + f"t1,{JANUARY},c2,newest\n")
    rows = raw(connection, home, land(home, folder), "ticket_id, requester_id, subject")
    assert rows == [("t1", "c2", "newest"), ("t2", "c1", "only here")]
    assert counts(connection) == [(4, 2, "replaced by a newer file")]


def test_numbers_in_names_count_by_their_value(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    for number in (9, 10, 2):
        put(folder, f"support_tickets/export-{number}.csv", TICKETS + f"t1,{JANUARY},c1,from {number}\n")
    assert raw(connection, home, land(home, folder), "subject") == [("from 10",)]
    assert sorted(["b", "10", "9", "", "2026-02-01", "2026-1-31"], key=by_age) == ["", "9", "10", "2026-1-31", "2026-02-01", "b"]


def test_updated_at_tells_age_before_the_name_of_the_file_does(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    put(folder, "support_tickets/1.csv", VERSIONED + f"t1,{JANUARY},c1,of March,2026-03-01T00:00:00Z\n")
    put(folder, "support_tickets/2.csv", VERSIONED + f"t1,{JANUARY},c1,of February,2026-02-01T00:00:00Z\n")
    assert raw(connection, home, land(home, folder), "subject") == [("of March",)]
    put(folder, "support_tickets/3.csv", VERSIONED + f"t1,{JANUARY},c1,of March again,2026-03-01T00:00:00Z\n")
    assert raw(connection, home, land(home, folder), "subject") == [("of March again",)]
    put(folder, "support_tickets/4.csv", TICKETS + f"t1,{JANUARY},c1,without a date\n")
    assert raw(connection, home, land(home, folder), "subject") == [("without a date",)]


def test_a_version_that_cannot_be_true_replaces_nothing(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    put(folder, "support_tickets/1.csv", TICKETS + f"t1,{JANUARY},c1,true\n")
    put(folder, "support_tickets/2.csv", TICKETS + f"t2,{JANUARY},c1,fine\nt1,2031-01-01T00:00:00Z,c1,from the future\n")
    assert raw(connection, home, land(home, folder), "ticket_id, subject") == [("t1", "true"), ("t2", "fine")]
    assert connection.execute("select file_name, row_number from run.quarantine").fetchall() == [("support_tickets/2.csv", 2)]


def test_a_later_export_may_have_gained_and_lost_columns(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    put(folder, "support_tickets/1.csv", f"ticket_id,created_at,requester_id,queue,desk\nt1,{JANUARY},c1,billing,blue\n")
    put(folder, "support_tickets/2.csv", f"requester_id,ticket_id,created_at,priority,floor\nc2,t2,{JANUARY},high,3\n")
    assert raw(connection, home, land(home, folder), "ticket_id, requester_id, queue, priority, _extra") == [
        ("t1", "c1", "billing", None, '{"desk":"blue"}'),
        ("t2", "c2", None, "high", '{"floor":"3"}'),
    ]


def test_a_file_that_is_added_changed_or_gone_is_seen(connection: duckdb.DuckDBPyConnection, home: Home, folder: Path) -> None:
    put(folder, "support_tickets/1.csv", TICKETS + f"t1,{JANUARY},c1,one\nt9,{JANUARY},c1,gone soon\n")
    first = land(home, folder)
    assert land(home, folder) == first
    second = put(folder, "support_tickets/2.csv", TICKETS + f"t1,{JANUARY},c1,two\n")
    assert raw(connection, home, land(home, folder), "subject") == [("two",), ("gone soon",)]
    second.write_text(TICKETS + f"t1,{JANUARY},c1,mended\n")
    assert raw(connection, home, land(home, folder), "subject") == [("mended",), ("gone soon",)]
    (folder / "support_tickets" / "1.csv").unlink()
    assert raw(connection, home, land(home, folder), "subject") == [("mended",)]


def test_every_bad_file_is_named_with_its_row(folder: Path) -> None:
    put(folder, "support_tickets/1.csv", TICKETS + f"t1,{JANUARY},c1,fine\nt2,yesterday,c1,\n")
    put(folder, "support_tickets/2.csv", TICKETS + f"t3,{JANUARY},c1,fine\n\nt4,{JANUARY},c1\n")
    put(folder, "support_tickets/3.jsonl", json.dumps({"ticket_id": "t5", "created_at": JANUARY}) + "\n")
    put(folder, "support_tickets/4.csv", TICKETS + f"t6,{JANUARY},,\nt7,{JANUARY},,\n")
    put(folder, "support_tickets/5.csv", TICKETS + "t8,tomorrow,c1,\nt9,,c1,\n")
    put(folder, "support_tickets/6.csv", TICKETS + f"t1,{JANUARY},,\n")
    put(folder, "tickets.csv", TICKETS)
    found = sorted((problem.file, problem.column or "", problem.row or 0) for problem in problems_of(folder))
    assert found == [
        ("support_tickets/1.csv", "created_at", 2),
        ("support_tickets/2.csv", "", 2),
        ("support_tickets/3.jsonl", "requester_id", 0),
        ("support_tickets/4.csv", "requester_id", 1),
        ("support_tickets/5.csv", "created_at", 1),
        ("support_tickets/6.csv", "requester_id", 1),
        ("tickets.csv", "", 0),
    ]


def test_two_files_of_one_age_and_files_that_are_not_read_are_named(folder: Path) -> None:
    put(folder, "support_tickets.2026-11.csv", TICKETS)
    put(folder, "support_tickets/2026-11.jsonl", "{}\n")
    put(folder, "support_tickets/2026-12.xlsx", "no")
    put(folder, "support_tickets/.2026-12.csv.part", "half written")
    put(folder, "support_tickets/_SUCCESS", "")
    put(folder, "support_message/2026-11.csv", "")
    put(folder, "archive/2025.csv", "")
    found = {problem.file: problem.what for problem in problems_of(folder)}
    assert set(found) == {"support_message/", "support_tickets/2026-12.xlsx", "support_tickets/2026-11.jsonl"}
    assert "Rename it to support_messages" in found["support_message/"]
    assert "as old by its name as support_tickets.2026-11.csv" in found["support_tickets/2026-11.jsonl"]


def test_explain_tells_each_row_in_its_own_file(home: Home, folder: Path) -> None:
    put(folder, "support_tickets/1.csv", TICKETS + f"t0,{JANUARY},c1,\nt1,{JANUARY},c1,one\n")
    put(folder, "support_tickets/2.csv", TICKETS + f"t1,{JANUARY},c1,two\n")
    land(home, folder)
    found = [(each.origin, each.rows) for each in rows_of_ticket(home, "acme", "t1")]
    assert found == [("support_tickets/1.csv", [2]), ("support_tickets/2.csv", [1])]


def test_a_load_that_was_landed_before_rows_named_their_file_is_still_read(
    connection: duckdb.DuckDBPyConnection, home: Home, folder: Path
) -> None:
    put(folder, "support_tickets.csv", TICKETS + f"t1,{JANUARY},c1,one\nt2,2031-01-01T00:00:00Z,c1,\n")
    load = land(home, folder)
    path = home.landing / load.tables["support_tickets"].path
    rows = pq.read_table(path).drop_columns(["_file", "_file_number"])
    pq.write_table(rows, path)
    landed = replace(load.tables["support_tickets"], sha256=sha256_of(path))
    older = replace(load, tables={"support_tickets": landed})
    assert raw(connection, home, older, "subject") == [("one",)]
    assert connection.execute("select file_name, row_number from run.quarantine").fetchall() == [("support_tickets.csv", 2)]
    assert [(each.origin, each.rows) for each in rows_of_ticket(home, "acme", "t1")] == [("support_tickets.csv", [1])]


def test_revenue_in_a_folder_of_its_own_chooses_the_plan_of_revenue(folder: Path) -> None:
    put(folder, "crm_revenue/2026-11.csv", "revenue_id\n")
    assert load_settings(input_folder=folder).plan.name == "revenue.yml"
