"""The `files` source: what it accepts, and what it says of each kind of broken file."""

import gzip
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import Problem, SourceError
from pipelines.settings import load_settings
from pipelines.sources.files import FilesSource

Rows = list[dict[str, Any]]

TICKETS = "ticket_id,created_at,requester_id,subject\n"
VERSIONED_TICKETS = "ticket_id,created_at,requester_id,subject,updated_at\n"
RATINGS = "rating_id,ticket_id,score,scale_min,scale_max\n"
SCHEDULES = "schedule_id,time_zone,weekday,opens_at,closes_at\n"
GOOD_TICKET = "t1,2026-01-01T00:00:00Z,c1,Hello\n"
NASTY = "x'; drop table support_tickets; --\"y"

INSTANT = pa.timestamp("us", tz="UTC")
NAIVE = pa.timestamp("us")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "acme"
    made.mkdir()
    return made


def read(folder: Path, time_zone: str | None = None) -> dict[str, Rows]:
    """Rows by table in file order, as a source named after the folder reads them."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set TimeZone = 'UTC'")
        made = FilesSource(folder.name, folder, time_zone).read(connection)
        return {name: _rows(connection, table) for name, table in made.items()}


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> Rows:
    result = connection.execute(f"select * from {table} order by _row_number")
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def problems_of(folder: Path, time_zone: str | None = None) -> list[Problem]:
    with pytest.raises(SourceError) as caught:
        read(folder, time_zone)
    assert caught.value.source_id == folder.name
    return caught.value.problems


def assert_only_problem(
    folder: Path, file: str, column: str | None, row: int | None, value: str | None, mend: str, time_zone: str | None = None
) -> Problem:
    """The folder is refused for one thing alone; its place is exact and its message tells how to mend it."""
    (problem,) = problems_of(folder, time_zone)
    assert (problem.file, problem.column, problem.row, problem.value) == (file, column, row, value)
    assert mend in problem.what
    shown = str(problem)
    for part in (file, column, None if row is None else f"row {row}", value):
        assert part is None or part in shown
    return problem


def write_parquet(path: Path, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), path)


def write_zst(path: Path, content: str) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as stream:
        stream.write(content.encode())


# What is accepted.

TYPED_CSV = {
    "support_tickets": (
        "ticket_id,created_at,requester_id,is_spam,tags,subject\n"
        't1,2026-01-01T00:00:00Z,7,true,"[a, b]","says ""hi"",\nthen leaves"\n'
        "t2,2026-01-01 02:30:00.25+02:00,8,false,,\n"
    ),
    "crm_revenue": "revenue_id,occurred_at,amount,currency\nr1,2026-01-01T00:00:00Z,-12.3456,EUR\n",
    "fx_rates": "currency,day,rate_to_base\nUSD,2026-01-31,0.92\n",
    "crm_accounts": "account_id,employees\na1,9007199254740993\na2,\n",
    "support_schedules": SCHEDULES + "s1,Europe/Berlin,1,22:00,26:00\n",
}
TYPED_JSONL: dict[str, list[dict[str, Any]]] = {
    "support_tickets": [
        {
            "ticket_id": "t1",
            "created_at": "2026-01-01T00:00:00Z",
            "requester_id": 7,
            "is_spam": True,
            "tags": ["a", "b"],
            "subject": 'says "hi",\nthen leaves',
        },
        {"ticket_id": "t2", "created_at": "2026-01-01 02:30:00.25+02:00", "requester_id": 8, "is_spam": False},
    ],
    "crm_revenue": [{"revenue_id": "r1", "occurred_at": "2026-01-01T00:00:00Z", "amount": -12.3456, "currency": "EUR"}],
    "fx_rates": [{"currency": "USD", "day": "2026-01-31", "rate_to_base": 0.92}],
    "crm_accounts": [{"account_id": "a1", "employees": 9007199254740993}, {"account_id": "a2", "employees": None}],
    "support_schedules": [{"schedule_id": "s1", "time_zone": "Europe/Berlin", "weekday": 1, "opens_at": "22:00", "closes_at": "26:00"}],
}
TYPED_PARQUET: dict[str, dict[str, Any]] = {
    "support_tickets": {
        "ticket_id": ["t1", "t2"],
        "created_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 30, 0, 250000, tzinfo=UTC)], INSTANT),
        "requester_id": [7, 8],
        "is_spam": [True, False],
        "tags": pa.array([["a", "b"], None], pa.list_(pa.string())),
        "subject": ['says "hi",\nthen leaves', None],
    },
    "crm_revenue": {
        "revenue_id": ["r1"],
        "occurred_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)], INSTANT),
        "amount": pa.array([Decimal("-12.3456")]),
        "currency": ["EUR"],
    },
    "fx_rates": {"currency": ["USD"], "day": pa.array([date(2026, 1, 31)]), "rate_to_base": [0.92]},
    "crm_accounts": {"account_id": ["a1", "a2"], "employees": pa.array([9007199254740993, None], pa.int64())},
    "support_schedules": {
        "schedule_id": ["s1"],
        "time_zone": ["Europe/Berlin"],
        "weekday": pa.array([1], pa.int8()),
        "opens_at": ["22:00"],
        "closes_at": ["26:00"],
    },
}


def assert_typed(tables: dict[str, Rows]) -> None:
    """The three forms above say the same, and this is what they say."""
    assert list(tables) == sorted(TYPED_CSV)
    first, second = tables["support_tickets"]
    assert first["created_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert second["created_at"] == datetime(2026, 1, 1, 0, 30, 0, 250000, tzinfo=UTC)
    assert (first["requester_id"], first["is_spam"], first["tags"]) == ("7", True, ["a", "b"])
    assert (second["requester_id"], second["is_spam"], second["tags"]) == ("8", False, None)
    assert (first["subject"], second["subject"]) == ('says "hi",\nthen leaves', None)
    assert [row["_row_number"] for row in (first, second)] == [1, 2]
    assert tables["crm_revenue"][0]["amount"] == Decimal("-12.3456")
    assert (tables["fx_rates"][0]["day"], tables["fx_rates"][0]["rate_to_base"]) == (date(2026, 1, 31), 0.92)
    assert [row["employees"] for row in tables["crm_accounts"]] == [9007199254740993, None]
    schedule = tables["support_schedules"][0]
    assert (schedule["weekday"], schedule["opens_at"], schedule["closes_at"]) == (1, "22:00", "26:00")
    assert all(row["source_id"] == "acme" and row["_extra"] is None for rows in tables.values() for row in rows)


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".csv.zst"])
def test_a_csv_folder_is_read_to_typed_rows(folder: Path, ending: str) -> None:
    for name, text in TYPED_CSV.items():
        path = folder / f"{name}{ending}"
        if ending == ".csv.zst":
            write_zst(path, text)
        else:
            path.write_bytes(gzip.compress(text.encode()) if ending == ".csv.gz" else text.encode())
    assert_typed(read(folder))


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_jsonl_folder_is_read_to_the_same_rows(folder: Path, ending: str) -> None:
    for name, objects in TYPED_JSONL.items():
        path, text = folder / f"{name}{ending}", "".join(json.dumps(each) + "\n" for each in objects)
        if ending == ".jsonl.zst":
            write_zst(path, text)
        else:
            path.write_bytes(gzip.compress(text.encode()) if ending == ".jsonl.gz" else text.encode())
    assert_typed(read(folder))


def test_a_parquet_folder_is_read_to_the_same_rows(folder: Path) -> None:
    for name, columns in TYPED_PARQUET.items():
        write_parquet(folder / f"{name}.parquet", columns)
    assert_typed(read(folder))


def test_a_folder_may_mix_formats_and_hold_other_files(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET)
    (folder / "support_users.jsonl").write_text('{"user_id": "u", "role": "agent"}\n')
    (folder / "README.md").write_text("Exported on Monday.")
    assert list(read(folder)) == ["support_tickets", "support_users"]


def test_columns_outside_the_contract_are_kept(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text('currency,day,rate_to_base,desk,"no, te"\nEUR,2026-01-01,1,Paris,\nUSD,2026-01-01,1,,x\n')
    (folder / "support_users.jsonl").write_text('{"user_id": "u", "role": "agent", "team": "blue"}\n')
    write_parquet(folder / "crm_owners.parquet", {"owner_id": ["o"], "region": [3]})
    tables = read(folder)
    assert [json.loads(row["_extra"]) for row in tables["fx_rates"]] == [{"desk": "Paris", "no, te": None}, {"desk": None, "no, te": "x"}]
    assert json.loads(tables["support_users"][0]["_extra"]) == {"team": "blue"}
    assert json.loads(tables["crm_owners"][0]["_extra"]) == {"region": 3}
    assert "desk" not in tables["fx_rates"][0]


def test_rows_carry_the_name_of_their_folder(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET)
    (source,) = load_settings(input_folder=folder).sources()
    with duckdb.connect(":memory:") as connection:
        source.read(connection)
        assert [row["source_id"] for row in _rows(connection, "support_tickets")] == ["acme"]


def test_a_row_may_name_another_source(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("source_id,currency,day,rate_to_base\nbank,EUR,2026-01-01,1\n,EUR,2026-01-01,2\n")
    assert [row["source_id"] for row in read(folder)["fx_rates"]] == ["bank", "acme"]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_data(folder: Path) -> None:
    (folder / "support_tickets.csv").write_bytes(b"\xef\xbb\xbf" + (TICKETS + GOOD_TICKET).replace("\n", "\r\n").encode())
    (row,) = read(folder)["support_tickets"]
    assert (row["ticket_id"], row["subject"]) == ("t1", "Hello")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_of_another_delimiter_is_read_as_if_it_had_commas(folder: Path, delimiter: str) -> None:
    text = TICKETS + 't1,2026-01-01T00:00:00Z,c1,"a; b\tc"\n'
    (folder / "support_tickets.csv").write_text(text.replace(",", delimiter))
    (row,) = read(folder)["support_tickets"]
    assert (row["ticket_id"], row["requester_id"], row["subject"]) == ("t1", "c1", "a; b\tc")


@pytest.mark.parametrize("inside", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_header_may_hold_quoted_line_ends(folder: Path, inside: str, end: str) -> None:
    lines = [f'ticket_id,"our{inside}own ""name""",created_at,"requester_id"', "t1,x,2026-01-01T00:00:00Z,c1", ""]
    (folder / "support_tickets.csv").write_bytes(end.join(lines).encode())
    (row,) = read(folder)["support_tickets"]
    assert (row["ticket_id"], row["requester_id"], row["_row_number"]) == ("t1", "c1", 1)
    assert json.loads(row["_extra"]) == {'our own "name"': "x"}


def test_a_parquet_column_may_be_named_like_duckdbs_row_number(folder: Path) -> None:
    write_parquet(folder / "crm_owners.parquet", {"owner_id": ["o1", "o2"], "file_row_number": [7, 8]})
    rows = read(folder)["crm_owners"]
    assert [(row["owner_id"], row["_row_number"], json.loads(row["_extra"])) for row in rows] == [
        ("o1", 1, {"file_row_number": 7}),
        ("o2", 2, {"file_row_number": 8}),
    ]


@pytest.mark.parametrize("name", ["crm_owners.parquet", "crm_owners.csv", "crm_owners.jsonl"])
def test_a_column_with_a_name_that_rows_need_themselves_is_refused(folder: Path, name: str) -> None:
    if name.endswith(".parquet"):
        write_parquet(folder / name, {"owner_id": ["o1"], "_File": ["x"]})
    else:
        (folder / name).write_text("owner_id,_File\no1,x\n" if name.endswith("csv") else '{"owner_id": "o1", "_File": "x"}\n')
    problem = assert_only_problem(folder, name, None, None, None, "Rename the column.")
    assert "_File" in problem.what


@pytest.mark.parametrize("content", [TICKETS, TICKETS.strip()])
def test_a_csv_with_only_a_header_is_an_empty_table(folder: Path, content: str) -> None:
    (folder / "support_tickets.csv").write_text(content)
    assert read(folder) == {"support_tickets": []}


def test_a_parquet_file_without_rows_is_an_empty_table(folder: Path) -> None:
    text, day, number = pa.array([], pa.string()), pa.array([], pa.date32()), pa.array([], pa.float64())
    write_parquet(folder / "fx_rates.parquet", {"currency": text, "day": day, "rate_to_base": number})
    assert read(folder) == {"fx_rates": []}


def test_identical_rows_are_accepted(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET + GOOD_TICKET)
    assert [row["ticket_id"] for row in read(folder)["support_tickets"]] == ["t1", "t1"]


def test_versions_of_a_key_are_accepted(folder: Path) -> None:
    versions = "t1,2026-01-01T00:00:00Z,c1,old,2026-01-02T00:00:00Z\nt1,2026-01-01T00:00:00Z,c1,new,2026-01-03T00:00:00Z\n"
    (folder / "support_tickets.csv").write_text(VERSIONED_TICKETS + versions)
    assert [row["subject"] for row in read(folder)["support_tickets"]] == ["old", "new"]


def test_a_key_of_several_columns_repeats_only_as_a_whole(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,2026-01-01,1\nEUR,2026-01-02,2\nUSD,2026-01-01,3\n")
    assert [row["rate_to_base"] for row in read(folder)["fx_rates"]] == [1, 2, 3]


def test_the_same_key_of_two_sources_is_two_keys(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("source_id,currency,day,rate_to_base\na,EUR,2026-01-01,1\nb,EUR,2026-01-01,2\n")
    assert [row["rate_to_base"] for row in read(folder)["fx_rates"]] == [1, 2]


def test_a_source_may_name_the_zone_of_its_naive_timestamps(folder: Path) -> None:
    rows = "t1,2026-07-01T12:00:00,c1,summer\nt2,2026-01-01T12:00:00,c1,winter\nt3,2026-07-01T12:00:00Z,c1,zoned\n"
    (folder / "support_tickets.csv").write_text(TICKETS + rows)
    hours = [row["created_at"].hour for row in read(folder, "Europe/Berlin")["support_tickets"]]
    assert hours == [10, 11, 12]


def test_naive_parquet_timestamps_take_the_zone_of_their_source(folder: Path) -> None:
    when = pa.array([datetime.fromisoformat("2026-07-01T12:00")], NAIVE)
    write_parquet(folder / "support_incidents.parquet", {"incident_id": ["i"], "started_at": when})
    (row,) = read(folder, "Europe/Berlin")["support_incidents"]
    assert row["started_at"] == datetime(2026, 7, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize("closes_at", ["00:00", "17:30", "24:00", "26:00", "47:59"])
def test_local_times_may_run_past_midnight(folder: Path, closes_at: str) -> None:
    (folder / "support_schedules.csv").write_text(SCHEDULES + f"s1,Europe/Berlin,1,09:00,{closes_at}\n")
    assert read(folder)["support_schedules"][0]["closes_at"] == closes_at


def test_parquet_times_of_day_are_local_times(folder: Path) -> None:
    columns = {**TYPED_PARQUET["support_schedules"], "opens_at": pa.array([time(9, 30)])}
    write_parquet(folder / "support_schedules.parquet", columns)
    assert read(folder)["support_schedules"][0]["opens_at"] == "09:30"


def test_quotes_and_sql_in_csv_are_only_text(folder: Path) -> None:
    quoted = '"' + NASTY.replace('"', '""') + '"'
    (folder / "support_tickets.csv").write_text(f"ticket_id,created_at,requester_id,{quoted}\n{quoted},2026-01-01T00:00:00Z,c1,{quoted}\n")
    (row,) = read(folder)["support_tickets"]
    assert row["ticket_id"] == NASTY
    assert json.loads(row["_extra"]) == {NASTY: NASTY}


def test_quotes_and_sql_in_parquet_are_only_text(folder: Path) -> None:
    day = pa.array([date(2026, 1, 1)])
    write_parquet(folder / "fx_rates.parquet", {"currency": [NASTY], "day": day, "rate_to_base": [1.0], NASTY: [NASTY]})
    (row,) = read(folder)["fx_rates"]
    assert row["currency"] == NASTY
    assert json.loads(row["_extra"]) == {NASTY: NASTY}


NASTY_JSONL_NAMES = [
    "x'; drop table support_users; --",
    "a.b",
    "a[0]",
    "$",
    "a\\b",
    'say "hi"',
]


@pytest.mark.parametrize("name", NASTY_JSONL_NAMES)
def test_quotes_and_sql_in_jsonl_are_only_text(folder: Path, name: str) -> None:
    (folder / "support_users.jsonl").write_text(json.dumps({"user_id": NASTY, "role": "agent", name: NASTY}) + "\n")
    (row,) = read(folder)["support_users"]
    assert row["user_id"] == NASTY
    assert json.loads(row["_extra"]) == {name: NASTY}


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_line_of_20_megabytes_is_read(folder: Path, ending: str) -> None:
    body = "x" * 20_000_000
    text = f"user_id,role,name\nu,agent,{body}\n" if ending == "csv" else json.dumps({"user_id": "u", "role": "agent", "name": body}) + "\n"
    (folder / f"support_users.{ending}").write_text(text)
    (row,) = read(folder)["support_users"]
    assert row["name"] == body


def test_a_source_id_with_a_quote_is_only_text(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET)
    with duckdb.connect(":memory:") as connection:
        FilesSource("o'hara", folder).read(connection)
        assert [row["source_id"] for row in _rows(connection, "support_tickets")] == ["o'hara"]


FOLDERS = [
    "o'hara",
    "export[1]",
    "a*b",
    "brand_id=7",
]


@pytest.mark.parametrize("name", FOLDERS)
def test_the_name_of_the_folder_does_not_change_what_its_files_say(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "support_tickets.csv").write_text("ticket_id,created_at,requester_id,brand_id\nt1,2026-01-01T00:00:00Z,c1,acme\n")
    write_parquet(folder / "brands.parquet", {"brand_id": ["acme"]})
    tables = read(folder)
    assert tables["support_tickets"][0]["brand_id"] == "acme"
    assert tables["brands"][0]["brand_id"] == "acme"


# What is refused: cells.


def test_a_missing_required_column_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text("ticket_id,created_at\nt1,2026-01-01T00:00:00Z\n")
    assert_only_problem(folder, "support_tickets.csv", "requester_id", None, None, "Add it to the file.")


def test_text_in_a_number_is_refused(folder: Path) -> None:
    (folder / "support_ratings.csv").write_text(RATINGS + "r1,t1,5,1,5\nr2,t1,five,1,5\n")
    problem = assert_only_problem(folder, "support_ratings.csv", "score", 2, "five", "Correct it in the file.")
    assert "is not a number" in problem.what


@pytest.mark.parametrize("number", ["NaN", "inf", "1e999"])
def test_a_number_that_is_not_finite_is_refused(folder: Path, number: str) -> None:
    (folder / "support_ratings.csv").write_text(RATINGS + f"r1,t1,5,1,5\nr2,t1,{number},1,5\n")
    assert_only_problem(folder, "support_ratings.csv", "score", 2, number, "Correct it in the file.")


def test_nan_in_a_parquet_float_is_refused(folder: Path) -> None:
    columns = {"rating_id": ["r1", "r2"], "ticket_id": ["t", "t"], "score": [1.0, float("nan")], "scale_min": [1, 1], "scale_max": [5, 5]}
    write_parquet(folder / "support_ratings.parquet", columns)
    assert_only_problem(folder, "support_ratings.parquet", "score", 2, "nan", "Correct it in the file.")


def test_a_fraction_in_an_integer_is_refused(folder: Path) -> None:
    (folder / "crm_accounts.csv").write_text("account_id,employees\na1,1\na2,2\na3,1.5\n")
    problem = assert_only_problem(folder, "crm_accounts.csv", "employees", 3, "1.5", "Correct it in the file.")
    assert "is not a whole number" in problem.what


def test_a_fraction_in_a_parquet_integer_is_refused(folder: Path) -> None:
    write_parquet(folder / "crm_accounts.parquet", {"account_id": ["a1", "a2"], "employees": [1.0, 1.5]})
    assert_only_problem(folder, "crm_accounts.parquet", "employees", 2, "1.5", "Correct it in the file.")


def test_an_amount_too_large_for_money_is_refused(folder: Path) -> None:
    (folder / "crm_revenue.csv").write_text("revenue_id,occurred_at,amount,currency\nr1,2026-01-01T00:00:00Z,123456789012345,EUR\n")
    assert_only_problem(folder, "crm_revenue.csv", "amount", 1, "123456789012345", "Correct it in the file.")


def test_text_in_a_yes_or_no_is_refused(folder: Path) -> None:
    (folder / "social_accounts.csv").write_text("account_id,platform,handle,is_brand\na1,x,acme,maybe\n")
    problem = assert_only_problem(folder, "social_accounts.csv", "is_brand", 1, "maybe", "Correct it in the file.")
    assert "true or false" in problem.what


def test_a_naive_timestamp_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET + "t2,2026-01-01T00:00:00,c1,\n")
    problem = assert_only_problem(
        folder, "support_tickets.csv", "created_at", 2, "2026-01-01T00:00:00", "or set time_zone for this source in twoway.toml"
    )
    assert "has no time zone" in problem.what


def test_a_naive_parquet_timestamp_is_refused(folder: Path) -> None:
    when = pa.array([None, datetime.fromisoformat("2026-01-01T00:00")], NAIVE)
    columns = {"account_id": ["a1", "a2"], "created_at": when}
    write_parquet(folder / "crm_accounts.parquet", columns)
    assert_only_problem(
        folder, "crm_accounts.parquet", "created_at", 2, "2026-01-01 00:00:00", "or set time_zone for this source in twoway.toml"
    )


def test_a_number_of_seconds_is_no_timestamp(folder: Path) -> None:
    write_parquet(folder / "support_incidents.parquet", {"incident_id": ["i"], "started_at": [1767225600]})
    assert_only_problem(folder, "support_incidents.parquet", "started_at", 1, "1767225600", "Write it like 2026-01-31T09:30:00Z")


def test_a_bare_date_in_a_timestamp_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + "t1,2026-01-01,c1,\n")
    assert_only_problem(folder, "support_tickets.csv", "created_at", 1, "2026-01-01", "Write it like 2026-01-31T09:30:00Z")


def test_a_parquet_date_in_a_timestamp_is_refused(folder: Path) -> None:
    write_parquet(folder / "support_incidents.parquet", {"incident_id": ["i"], "started_at": pa.array([date(2026, 1, 1)])})
    assert_only_problem(folder, "support_incidents.parquet", "started_at", 1, "2026-01-01", "Write it like 2026-01-31T09:30:00Z")


@pytest.mark.parametrize("time_zone", [None, "Europe/Berlin"])
def test_an_instant_that_does_not_exist_is_refused(folder: Path, time_zone: str | None) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + "t1,2026-02-30T00:00:00Z,c1,\n")
    problem = assert_only_problem(
        folder, "support_tickets.csv", "created_at", 1, "2026-02-30T00:00:00Z", "Write it like 2026-01-31T09:30:00Z", time_zone
    )
    assert "is not a point in time" in problem.what


def test_a_day_that_does_not_exist_is_refused(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,2026-02-28,1\nEUR,2026-02-30,1\n")
    assert_only_problem(folder, "fx_rates.csv", "day", 2, "2026-02-30", "Correct it in the file.")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "europe/berlin", "UTC+1"])
def test_a_zone_that_iana_does_not_know_is_refused(folder: Path, zone: str) -> None:
    (folder / "support_schedules.csv").write_text(SCHEDULES + f"s1,Europe/Berlin,1,09:00,17:00\ns2,{zone},1,09:00,17:00\n")
    problem = assert_only_problem(folder, "support_schedules.csv", "time_zone", 2, zone, "Correct it in the file.")
    assert "IANA" in problem.what


@pytest.mark.parametrize("closes_at", ["48:00", "9:00", "17:60", "17", "noon"])
def test_a_bad_local_time_is_refused(folder: Path, closes_at: str) -> None:
    (folder / "support_schedules.csv").write_text(SCHEDULES + f"s1,Europe/Berlin,1,09:00,{closes_at}\n")
    problem = assert_only_problem(folder, "support_schedules.csv", "closes_at", 1, closes_at, "Correct it in the file.")
    assert "a local time like 09:30" in problem.what


def test_a_list_cut_in_half_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text('ticket_id,created_at,requester_id,tags\nt1,2026-01-01T00:00:00Z,c1,"[a, b"\n')
    assert_only_problem(folder, "support_tickets.csv", "tags", 1, "[a, b", "Correct it in the file.")


@pytest.mark.parametrize("cell", ["", '""'])
def test_an_empty_required_cell_is_refused(folder: Path, cell: str) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET + f"t2,2026-01-01T00:00:00Z,{cell},Hello\n")
    assert_only_problem(folder, "support_tickets.csv", "requester_id", 2, None, "Fill it in.")


def test_a_name_left_out_of_a_jsonl_object_is_an_empty_cell(folder: Path) -> None:
    (folder / "support_users.jsonl").write_text('{"user_id": "u1", "role": "agent"}\n{"user_id": "u2"}\n')
    assert_only_problem(folder, "support_users.jsonl", "role", 2, None, "Fill it in.")


def test_empty_text_in_a_required_jsonl_cell_is_refused(folder: Path) -> None:
    (folder / "support_users.jsonl").write_text('{"user_id": "u1", "role": "agent"}\n{"user_id": "", "role": "agent"}\n')
    (problem,) = problems_of(folder)
    assert (problem.column, problem.row) == ("user_id", 2)


@pytest.mark.parametrize("second", ["Bye", ""])
def test_a_key_with_two_contents_and_one_updated_at_is_refused(folder: Path, second: str) -> None:
    rows = "t1,2026-01-01T00:00:00Z,c1,Hello,2026-01-02T00:00:00Z\nt2,2026-01-01T00:00:00Z,c1,,\n"
    clash = f"t1,2026-01-01T00:00:00Z,c1,{second},2026-01-02T00:00:00Z\n"
    (folder / "support_tickets.csv").write_text(VERSIONED_TICKETS + rows + clash)
    problem = assert_only_problem(folder, "support_tickets.csv", "ticket_id", 3, "t1", "Keep one, or give each version its updated_at.")
    assert "row 1" in problem.what


def test_a_key_with_two_contents_and_no_updated_at_is_refused(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,2026-01-01,1\nEUR,2026-01-01,2\n")
    assert_only_problem(folder, "fx_rates.csv", "currency, day", 2, "EUR, 2026-01-01", "Keep one, or give each version its updated_at.")


# What is refused: whole files.


@pytest.mark.parametrize("name", ["support_tickets.csv", "support_tickets.jsonl", "support_tickets.parquet", "support_tickets.csv.gz"])
def test_a_file_of_0_bytes_is_refused(folder: Path, name: str) -> None:
    (folder / name).touch()
    problem = assert_only_problem(folder, name, None, None, None, "Export it again, or remove it")
    assert "0 bytes" in problem.what


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
def test_a_truncated_parquet_file_is_refused(folder: Path, kept: float) -> None:
    path = folder / "support_tickets.parquet"
    write_parquet(path, TYPED_PARQUET["support_tickets"])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert_only_problem(folder, "support_tickets.parquet", None, None, None, "Export it again; it may have been cut off.")


def test_a_truncated_gz_file_is_refused(folder: Path) -> None:
    rows = "".join(f"t{number},2026-01-01T00:00:00Z,c1,Hello\n" for number in range(1000))
    (folder / "support_tickets.csv.gz").write_bytes(gzip.compress((TICKETS + rows).encode())[:-20])
    assert_only_problem(folder, "support_tickets.csv.gz", None, None, None, "Export it again; it may have been cut off.")


@pytest.mark.parametrize("row", ["t2,2026-01-01T00:00:00Z", "t2,2026-01-01T00:00:00Z,c1,Hello,there"])
def test_a_csv_row_of_another_length_is_refused(folder: Path, row: str) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + 't1,2026-01-01T00:00:00Z,c1,"two\nlines"\n' + row + "\n")
    problem = assert_only_problem(folder, "support_tickets.csv", None, 2, None, "Export it again")
    assert "Expected Number of Columns: 4" in problem.what


def test_blank_lines_do_not_shift_the_number_of_a_bad_row(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + "\n" + GOOD_TICKET + "\n\nt2,2026-01-01T00:00:00Z\n")
    assert_only_problem(folder, "support_tickets.csv", None, 2, None, "Export it again")


def test_a_quote_that_never_closes_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET + 't2,2026-01-01T00:00:00Z,c1,"Hello\n')
    assert_only_problem(folder, "support_tickets.csv", None, 2, None, "Export it again")


def test_bytes_that_are_not_utf_8_are_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_bytes((TICKETS + GOOD_TICKET).encode() + b"t2,2026-01-01T00:00:00Z,c1,caf\xe9\n")
    problem = assert_only_problem(folder, "support_tickets.csv", None, 2, None, "Export it again")
    assert "utf-8" in problem.what


def test_a_header_that_names_a_column_twice_is_refused(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,day,rate_to_base\nEUR,2026-01-01,2026-01-01,1\n")
    problem = assert_only_problem(folder, "fx_rates.csv", None, 0, None, "Rename one.")
    assert "day" in problem.what


MALFORMED = ['{"user_id":', "hello", '{"user_id": "u2", "role": "agent"']


@pytest.mark.parametrize("line", MALFORMED)
def test_a_malformed_jsonl_line_is_refused(folder: Path, line: str) -> None:
    (folder / "support_users.jsonl").write_text('{"user_id": "u1", "role": "agent"}\n' + line + "\n")
    (problem,) = problems_of(folder)
    assert (problem.file, problem.column, problem.value) == ("support_users.jsonl", None, None)
    assert "Malformed JSON" in problem.what
    assert "Export it again" in problem.what


@pytest.mark.parametrize("good_before", [0, 1, 4])
def test_a_malformed_jsonl_line_is_named_by_its_row(folder: Path, good_before: int) -> None:
    good = "".join(f'{{"user_id": "u{number}", "role": "agent"}}\n' for number in range(good_before))
    (folder / "support_users.jsonl").write_text(good + '{"user_id":\n')
    (problem,) = problems_of(folder)
    assert problem.row == good_before + 1


def test_a_file_named_after_no_table_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET)
    (folder / "tickets.csv").write_text(TICKETS + GOOD_TICKET)
    problem = assert_only_problem(folder, "tickets.csv", None, None, None, "Rename it to one of:")
    assert "support_tickets" in problem.what


def test_two_files_for_one_table_are_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + GOOD_TICKET)
    (folder / "support_tickets.jsonl").write_text("{}\n")
    problem = assert_only_problem(folder, "support_tickets.jsonl", None, None, None, "Keep one of them, or rename one.")
    assert "support_tickets.csv" in problem.what


def test_a_folder_without_tables_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("nothing here")
    problem = assert_only_problem(folder, str(folder), None, None, None, "such as support_tickets.csv")
    assert "holds no file" in problem.what


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert_only_problem(tmp_path / "nowhere", str(tmp_path / "nowhere"), None, None, None, "Check --input or twoway.toml.")


def test_a_long_value_is_shortened_in_the_message(folder: Path) -> None:
    (folder / "support_ratings.csv").write_text(RATINGS + f"r1,t1,{'x' * 10_000},1,5\n")
    (problem,) = problems_of(folder)
    assert problem.value == "x" * 10_000
    assert len(str(problem)) < 300
    assert "10000 characters" in str(problem)


def test_everything_wrong_with_a_folder_is_reported_at_once(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,yesterday,much\n,2026-01-01,1\n")
    (folder / "support_ratings.csv").write_text("rating_id,ticket_id,score\nr1,t1,5\n")
    (folder / "support_schedules.jsonl").write_text(
        '{"schedule_id": "s1", "time_zone": "Mars/Olympus", "weekday": 1, "opens_at": "09:00", "closes_at": "48:00"}\n'
    )
    (folder / "support_tickets.csv").touch()
    (folder / "crm_owners.csv").write_text("owner_id\no1\n")
    found = {(problem.file, problem.column, problem.row, problem.value) for problem in problems_of(folder)}
    assert found == {
        ("fx_rates.csv", "day", 1, "yesterday"),
        ("fx_rates.csv", "rate_to_base", 1, "much"),
        ("fx_rates.csv", "currency", 2, None),
        ("support_ratings.csv", "scale_min", None, None),
        ("support_ratings.csv", "scale_max", None, None),
        ("support_schedules.jsonl", "time_zone", 1, "Mars/Olympus"),
        ("support_schedules.jsonl", "closes_at", 1, "48:00"),
        ("support_tickets.csv", None, None, None),
    }


def test_a_misnamed_file_does_not_hide_what_is_wrong_with_the_others(folder: Path) -> None:
    (folder / "tickets.csv").write_text(TICKETS + GOOD_TICKET)
    (folder / "support_users.CSV").write_text("user_id,role\n")
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,yesterday,1\n")
    found = [(problem.file, problem.column, problem.row) for problem in problems_of(folder)]
    assert found == [("support_users.CSV", None, None), ("tickets.csv", None, None), ("fx_rates.csv", "day", 1)]


def test_the_message_of_a_refused_folder_names_every_place(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,yesterday,1\n")
    (folder / "support_tickets.csv").touch()
    with pytest.raises(SourceError) as caught:
        read(folder)
    first, second = str(caught.value).splitlines()
    assert first.startswith("fx_rates.csv, column day, row 1: 'yesterday' is not a date")
    assert second.startswith("support_tickets.csv: is empty (0 bytes)")


BAD_NATIVE_TYPES = {
    "a number as a list": ("support_tickets", "tags", [5]),
    "a struct as a list": ("support_tickets", "tags", [{"a": 1}]),
    "a number as a zone": ("brands", "time_zone", [5]),
}


@pytest.mark.parametrize("case", BAD_NATIVE_TYPES)
def test_a_parquet_column_of_a_type_that_cannot_be_cast_is_refused(folder: Path, case: str) -> None:
    table, column, values = BAD_NATIVE_TYPES[case]
    required: dict[str, dict[str, Any]] = {
        "support_tickets": {"ticket_id": ["t"], "created_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)], INSTANT), "requester_id": ["c"]},
        "brands": {"brand_id": ["b"]},
    }
    write_parquet(folder / f"{table}.parquet", {**required[table], column: values})
    (problem,) = problems_of(folder)
    assert (problem.file, problem.column, problem.row) == (f"{table}.parquet", column, 1)


def test_a_source_whose_own_zone_does_not_exist_is_refused(folder: Path) -> None:
    (folder / "support_tickets.csv").write_text(TICKETS + "t1,2026-01-01T00:00:00,c1,\n")
    assert "Mars/Olympus" in str(problems_of(folder, "Mars/Olympus")[0])


@pytest.mark.parametrize("name", ["support_tickets.CSV", "support_tickets.json", "support_tickets.2026.xlsx", "support_tickets.tsv"])
def test_a_table_with_an_ending_that_is_not_read_is_not_passed_over(folder: Path, name: str) -> None:
    (folder / name).write_text(TICKETS + GOOD_TICKET)
    assert_only_problem(folder, name, None, None, None, "Export it as one of:")


@pytest.mark.parametrize(("header", "said"), [("currency,day,rate_to_base,", "column 4"), ("currency,day,rate_to_base,Currency", "twice")])
def test_a_header_that_cannot_name_its_columns_is_refused(folder: Path, header: str, said: str) -> None:
    (folder / "fx_rates.csv").write_text(f"{header}\nEUR,2026-01-01,1,x\n")
    (problem,) = problems_of(folder)
    assert said in problem.what


def test_key_cells_that_cannot_be_cast_are_not_called_duplicates(folder: Path) -> None:
    (folder / "fx_rates.csv").write_text("currency,day,rate_to_base\nEUR,monday,1\nEUR,tuesday,2\n")
    (problem,) = problems_of(folder)
    assert (problem.column, problem.row, problem.value) == ("day", 1, "monday")
