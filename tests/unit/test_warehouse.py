"""The build database: what load_raw lets in, what names a run, how persons are hidden, and the lock."""

import hmac
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import jinja2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import LockedError, SourceError
from pipelines.files_io import sha256_of
from pipelines.landing import LandedFile, Landing, Load
from pipelines.paths import DBT_PROJECT, DEFAULT_PLAN, PROJECT, Home
from pipelines.plan import FrozenPlan, load_plan
from pipelines.sources.files import FilesSource
from pipelines.warehouse import RunContext, load_raw, run_lock

AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
INCIDENTS = "incident_id,started_at,ended_at\n"
SHIFTS = "shift_id,agent_id,queue,planned_start_at,planned_end_at,actual_start_at,actual_end_at\n"


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "home" / "landing")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:") as opened:
        opened.execute("set TimeZone = 'UTC'")
        yield opened


@pytest.fixture
def plan() -> FrozenPlan:
    return load_plan(DEFAULT_PLAN)


Land = Callable[..., Load]


@pytest.fixture
def land(landing: Landing, tmp_path: Path) -> Land:
    """Land files of a source called acme, given as text by table."""

    def made(source_id: str = "acme", **files: str) -> Load:
        folder = tmp_path / "input" / source_id
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for table, text in files.items():
            (folder / f"{table}.csv").write_text(text)
        return landing.land(FilesSource(source_id, folder), tmp_path / "temp")

    return made


def context_of(plan: FrozenPlan, *loads: Load, as_of: datetime = AS_OF, person_key: bytes = b"key") -> RunContext:
    return RunContext(as_of=as_of, loads=list(loads), plan=plan, person_key=person_key, hide_agents=False)


def values(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query).fetchall()


# Quarantine.


def test_instants_that_cannot_be_true_are_quarantined_and_counted(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    latest = AS_OF + timedelta(days=1)
    starts = {
        "before 1990": datetime(1990, 1, 1, tzinfo=UTC) - MOMENT,
        "first of 1990": datetime(1990, 1, 1, tzinfo=UTC),
        "as_of": AS_OF,
        "one day past": latest,
        "more than one day past": latest + MOMENT,
        "year 1": datetime(1, 1, 1, tzinfo=UTC),
    }
    load = land(support_incidents=INCIDENTS + "".join(f"{name},{start.isoformat()},\n" for name, start in starts.items()))
    kept = load_raw(connection, landing, context_of(plan, load))
    assert kept["support_incidents"] == 3
    assert values(connection, "select incident_id from raw.files__support_incidents order by _row_number") == [
        ("first of 1990",), ("as_of",), ("one day past",),
    ]  # fmt: skip
    assert values(connection, "select rows_in, dropped from run.load_counts where table_name = 'support_incidents'") == [(6, 3)]
    quarantined = values(
        connection, "select source_id, table_name, file_name, row_number, column_name, value from run.quarantine order by row_number"
    )
    assert [row[:5] for row in quarantined] == [
        ("acme", "support_incidents", "support_incidents.csv", number, "started_at") for number in (1, 5, 6)
    ]
    assert [str(row[5])[:19] for row in quarantined] == ["1989-12-31 23:59:59", "2026-06-02 12:00:00", "0001-01-01 00:00:00"]


def test_planned_shifts_may_lie_in_the_future_and_worked_ones_may_not(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    day = "2027-01-01T09:00:00Z,2027-01-01T17:00:00Z"
    long_ago = "1980-01-01T09:00:00Z,1980-01-01T17:00:00Z"
    load = land(support_shifts=SHIFTS + f"planned,a,q,{day},,\nworked,a,q,{day},{day}\nancient,a,q,{long_ago},,\n")
    load_raw(connection, landing, context_of(plan, load))
    assert values(connection, "select shift_id from raw.files__support_shifts") == [("planned",)]
    assert values(connection, "select row_number, column_name from run.quarantine order by all") == [
        (2, "actual_end_at"),
        (2, "actual_start_at"),
        (3, "planned_end_at"),
        (3, "planned_start_at"),
    ]
    # A row with two bad cells is one dropped row.
    assert values(connection, "select rows_in, dropped from run.load_counts") == [(3, 2)]


def test_empty_timestamps_are_no_reason_to_drop_a_row(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load = land(support_incidents=INCIDENTS + "i1,2026-01-01T00:00:00Z,\n")
    assert load_raw(connection, landing, context_of(plan, load))["support_incidents"] == 1
    assert values(connection, "select * from run.quarantine") == []


def test_an_earlier_as_of_hides_what_came_later(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load = land(support_incidents=INCIDENTS + "i1,2026-01-01T00:00:00Z,\ni2,2026-05-01T00:00:00Z,\n")
    assert load_raw(connection, landing, context_of(plan, load))["support_incidents"] == 2
    earlier = context_of(plan, load, as_of=datetime(2026, 2, 1, tzinfo=UTC))
    assert load_raw(connection, landing, earlier)["support_incidents"] == 1
    assert values(connection, "select dropped from run.load_counts") == [(1,)]


# The raw layer as a whole.


def test_rows_of_all_sources_stand_beside_each_other_with_their_load(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    first = land("first", crm_owners="owner_id,team\no1,blue\n")
    second = land("second", crm_owners="owner_id\no1\n", brands="brand_id\nb1\n")
    kept = load_raw(connection, landing, context_of(plan, first, second))
    assert (kept["crm_owners"], kept["brands"], kept["support_tickets"]) == (2, 1, 0)
    rows = values(connection, "select source_id, owner_id, _extra, _loader, _load_id from raw.files__crm_owners order by source_id")
    assert rows == [("first", "o1", '{"team":"blue"}', "first", "00000001"), ("second", "o1", None, "second", "00000001")]
    assert values(connection, "select source_id, load_id from run.applied_loads order by all") == [
        ("first", "00000001"),
        ("second", "00000001"),
    ]


def test_loading_again_replaces_what_was_there(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no1\no2\n", brands="brand_id\nb1\n")))
    kept = load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no3\n")))
    assert values(connection, "select owner_id from raw.files__crm_owners") == [("o3",)]
    assert kept["brands"] == 0
    assert values(connection, "select count(*) from raw.files__brands") == [(0,)]


def state_of(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[object, ...]]]:
    queries = [
        "select owner_id, _load_id from raw.files__crm_owners",
        "select incident_id, _load_id from raw.files__support_incidents",
        "select run_id, as_of from run.context",
        "select * from run.applied_loads",
        "select * from run.load_counts order by all",
        "select * from run.quarantine",
    ]
    return [values(connection, query) for query in queries]


def test_a_landed_file_that_changed_stops_the_load_before_anything_is_touched(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no1\n")))
    load = land(crm_owners="owner_id\no2\n", support_incidents=INCIDENTS + "i1,2026-01-01T00:00:00Z,\n")
    path = landing.root / load.tables["support_incidents"].path
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    before = state_of(connection)
    with pytest.raises(SourceError, match="is not what was landed"):
        load_raw(connection, landing, context_of(plan, load))
    assert state_of(connection) == before


def test_a_load_that_fails_half_way_leaves_everything_as_it_was(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no1\n")))
    load = land(crm_owners="owner_id\no2\n", support_incidents=INCIDENTS + "i1,2026-01-01T00:00:00Z,\n")
    # The last table of the contract is as its manifest says, and does not fit it all the same.
    landed = load.tables["support_incidents"]
    path = landing.root / landed.path
    pq.write_table(pa.table({"source_id": ["acme"], "incident_id": ["i1"]}), path)
    unfit = replace(load, tables={**load.tables, "support_incidents": replace(landed, sha256=sha256_of(path))})
    before = state_of(connection)
    with pytest.raises(duckdb.Error, match="started_at"):
        load_raw(connection, landing, context_of(plan, unfit))
    assert state_of(connection) == before

    assert load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no3\n")))["crm_owners"] == 1
    assert values(connection, "select owner_id from raw.files__crm_owners") == [("o3",)]


class FailsAtIncidents(dict[str, LandedFile]):
    """Landed files that can be listed, and of which one can't be had."""

    def __getitem__(self, table: str) -> LandedFile:
        if table == "support_incidents":
            raise MemoryError(table)
        return super().__getitem__(table)


def test_a_failure_outside_the_database_leaves_everything_as_it_was(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    load_raw(connection, landing, context_of(plan, land(crm_owners="owner_id\no1\n")))
    load = land(crm_owners="owner_id\no2\n", support_incidents=INCIDENTS + "i1,2026-01-01T00:00:00Z,\n")
    before = state_of(connection)
    with pytest.raises(MemoryError, match="support_incidents"):
        load_raw(connection, landing, context_of(plan, replace(load, tables=FailsAtIncidents(load.tables))))
    assert state_of(connection) == before


def test_the_context_in_the_database_is_the_one_of_the_run(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    context = context_of(plan, land(crm_owners="owner_id\no1\n"))
    load_raw(connection, landing, context)
    (row,) = values(connection, "select run_id, as_of, plan_sha, data_sha, seed from run.context")
    assert row == (context.run_id, AS_OF, plan.sha256, context.data_sha, plan.plan.seed)
    (settings,) = values(connection, "select horizon_weeks, sesoi, tau_hours, primary_adstock_rate, min_inbounds from run.analysis_plan")
    assert settings == (13, 0.005, 2160.0, 0.5, 5)
    rates = values(connection, "select adstock_rate from run.adstock_rates order by 1")
    assert [rate for (rate,) in rates] == plan.plan.claims.C1.specification_curve.adstock_rates


# What names a run.


def test_the_same_content_gives_the_same_run_wherever_and_whenever_it_is_landed(land: Land, plan: FrozenPlan, tmp_path: Path) -> None:
    here = land(crm_owners="owner_id\no1\n")
    elsewhere = Landing(tmp_path / "another home").land(FilesSource("acme", tmp_path / "input" / "acme"), tmp_path / "temp")
    later = replace(elsewhere, load_id="00000007", finished_at="2030-01-01T00:00:00+00:00")
    assert context_of(plan, here).run_id == context_of(plan, later).run_id


def test_the_order_of_the_sources_does_not_name_a_run(land: Land, plan: FrozenPlan) -> None:
    first, second = land("first", brands="brand_id\nb1\n"), land("second", brands="brand_id\nb2\n")
    assert context_of(plan, first, second).run_id == context_of(plan, second, first).run_id


def test_another_as_of_plan_or_content_is_another_run(land: Land, plan: FrozenPlan, tmp_path: Path) -> None:
    load = land(crm_owners="owner_id\no1\n")
    commented = tmp_path / "plan.yml"
    commented.write_text(DEFAULT_PLAN.read_text() + "# looked at the data since\n")
    reseeded = replace(plan, plan=plan.plan.model_copy(update={"seed": 1}))
    runs = {
        "same": context_of(plan, load).run_id,
        "as_of": context_of(plan, load, as_of=AS_OF + timedelta(seconds=1)).run_id,
        "plan": context_of(load_plan(commented), load).run_id,
        "seed": context_of(reseeded, load).run_id,
        "content": context_of(plan, land(crm_owners="owner_id\no2\n")).run_id,
        "file name": context_of(plan, land(crm_contacts="contact_id\no1\n")).run_id,
        "source": context_of(plan, land("other", crm_owners="owner_id\no1\n")).run_id,
        "no source": context_of(plan).run_id,
    }
    assert len(set(runs.values())) == len(runs)
    assert all(len(run_id) == 16 for run_id in runs.values())


def test_the_same_bytes_read_in_another_zone_are_another_run(landing: Landing, plan: FrozenPlan, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "support_incidents.csv").write_text("incident_id,started_at\ni1,2026-01-01T12:00:00\n")
    berlin, tokyo = (landing.land(FilesSource("acme", folder, zone), tmp_path / "temp") for zone in ("Europe/Berlin", "Asia/Tokyo"))
    assert context_of(plan, berlin).run_id != context_of(plan, tokyo).run_id


# The hashes that hide persons.

KEYS = {
    "empty": b"",
    "short": b"key",
    "63 bytes": b"k" * 63,
    "one block": b"k" * 64,
    "longer than a block": b"k" * 65,
    "much longer": bytes(range(256)),
    "with zero bytes": b"\0key\0",
}
MESSAGES = ["", "ann@example.org", "o'hara; drop table x; --", "Zoë 🙂", "x" * 1000]


@pytest.mark.parametrize("name", KEYS)
def test_sql_computes_pythons_hmac_from_the_pads(connection: duckdb.DuckDBPyConnection, plan: FrozenPlan, name: str) -> None:
    inner, outer = context_of(plan, person_key=KEYS[name]).hmac_pads
    assert len(inner) == len(outer) == 64
    for message in MESSAGES:
        row = connection.execute("select sha256(?::blob || unhex(sha256(?::blob || encode(?))))", [outer, inner, message]).fetchone()
        assert row == (hmac.new(KEYS[name], message.encode(), "sha256").hexdigest(),)


def test_the_models_key_of_a_person_is_the_hmac_of_the_run(
    connection: duckdb.DuckDBPyConnection, landing: Landing, land: Land, plan: FrozenPlan
) -> None:
    key = bytes(range(200, 256)) * 2
    load_raw(connection, landing, context_of(plan, land(brands="brand_id\nb1\n"), person_key=key))
    macro = jinja2.Environment().from_string((DBT_PROJECT / "macros" / "person_key.sql").read_text()).module
    sql = vars(macro)["person_key"]("message", "context")
    connection.execute("create table messages as select unnest(?::varchar[]) as message", [MESSAGES])
    hashes = dict(connection.execute(f"select message, {sql} from messages cross join run.context as context").fetchall())
    assert hashes == {message: hmac.new(key, message.encode(), "sha256").hexdigest()[:32] for message in MESSAGES}


# The lock.

HOLD = """
import sys
from pathlib import Path
from pipelines.paths import Home
from pipelines.warehouse import run_lock
with run_lock(Home(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from pathlib import Path
from pipelines.errors import LockedError
from pipelines.paths import Home
from pipelines.warehouse import run_lock
try:
    with run_lock(Home(Path(sys.argv[1]))):
        print("entered")
except LockedError as error:
    print(error)
"""
CHILD_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def holder(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the home until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=CHILD_ENVIRONMENT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def result_of_a_try_by_another_process(home: Home) -> str:
    command = [sys.executable, "-c", TRY, str(home.root)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=CHILD_ENVIRONMENT).stdout.strip()


def test_a_second_process_is_told_who_holds_the_lock_and_what_to_do(home: Home, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(LockedError) as caught, run_lock(home):
        pytest.fail("two runs in one home")
    assert f"process {holder.pid}" in str(caught.value)
    assert str(home.root) in str(caught.value)
    assert "use another --home" in str(caught.value)


def test_the_lock_of_a_killed_process_is_free(home: Home, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with run_lock(home):
        assert home.lock.read_text() == f"{os.getpid()}\n"


def test_a_home_is_locked_for_itself_alone(home: Home, holder: subprocess.Popen[str], tmp_path: Path) -> None:
    with run_lock(Home(tmp_path / "other home")):
        assert home.lock.read_text() == f"{holder.pid}\n"


def test_the_same_process_may_enter_again_and_keeps_the_lock_until_it_leaves(home: Home) -> None:
    with run_lock(home):
        with run_lock(home):
            pass
        assert "Another run" in result_of_a_try_by_another_process(home)
    assert result_of_a_try_by_another_process(home) == "entered"


def test_a_run_that_fails_lets_go_of_the_lock(home: Home) -> None:
    with pytest.raises(ValueError, match="broken"), run_lock(home):
        raise ValueError("broken")
    assert result_of_a_try_by_another_process(home) == "entered"


def test_the_lock_is_for_its_owner_alone(home: Home) -> None:
    with run_lock(home):
        assert home.lock.stat().st_mode & 0o777 == 0o600
