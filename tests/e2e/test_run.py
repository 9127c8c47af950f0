"""Promises of the README, kept by the commands that users type."""

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.paths import BUNDLED_INPUT, DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.publishing import publish, write_candidate
from pipelines.warehouse import run_lock
from tests.conftest import PROJECT, twoway

TICKETS = "ticket_id,created_at,requester_id,status\nt1,2024-01-01T10:00:00Z,u1,open\n"
USERS = "user_id,role\nu1,customer\na1,agent\n"
RATINGS = "rating_id,ticket_id,score,scale_min,scale_max\nr1,t1,4,1,5\n"


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _marts(snapshot: Path) -> list[str]:
    with duckdb.connect(str(snapshot), read_only=True) as connection:
        found = connection.execute("select table_schema || '.' || table_name from information_schema.tables order by 1").fetchall()
    return [name for (name,) in found if name != "meta.build"]


@pytest.fixture
def own_home(published_home: Path, tmp_path: Path) -> Path:
    """A copy of the published home that a test may change."""
    return Path(shutil.copytree(published_home, tmp_path / "home"))


def test_the_verdict_on_the_bundled_data_is_honest(published_home: Path) -> None:
    verdict, *_ = json.loads(twoway("verdict", "--json", "--home", published_home).stdout)
    assert (verdict["claim_id"], verdict["verdict"], verdict["reason_code"]) == ("C1", "inconclusive", "identification")
    assert (verdict["evidence_grade_r"], verdict["evidence_grade_b"]) == ("C", "D")
    assert verdict["ci95_lo"] < verdict["delta"] < verdict["ci95_hi"]
    assert verdict["sesoi"] == 0.005
    assert verdict["prereg_sha"] == _sha(BUNDLED_INPUT.parents[1] / "plans" / "participation.yml")
    assert "randomised" in verdict["what_would_settle_it"]
    report = (published_home / "report" / "index.html").read_text()
    assert "Naive difference" in report
    assert verdict["prereg_sha"] in report
    assert "<script" not in report


def test_the_readme_shows_the_card_that_the_bundled_data_give(published_home: Path) -> None:
    card = twoway("verdict", "--home", published_home).stdout.partition("╯")[0]
    assert card.startswith("╭─ C1 ")
    assert card in (PROJECT / "README.md").read_text()


def test_two_runs_on_the_same_input_publish_the_same_rows_while_a_reader_holds_the_file(published_home: Path, own_home: Path) -> None:
    before = own_home / "published" / "twoway.duckdb"
    with duckdb.connect(str(before), read_only=True) as reader:
        old_build = reader.execute("select build_id from meta.build").fetchone()
        result = twoway("run", "--home", own_home)
        assert result.returncode == 0, result.stderr
        assert reader.execute("select build_id from meta.build").fetchone() == old_build
        assert reader.execute("select count(*) from core.fct_tickets").fetchone() == (9381,)
    with duckdb.connect(str(before), read_only=True) as reader:
        assert reader.execute("select build_id from meta.build").fetchone() != old_build

    first, second = published_home / "published" / "twoway.duckdb", before
    tables = _marts(first)
    assert tables == _marts(second)
    assert len(tables) > 15
    with duckdb.connect() as connection:
        connection.execute(f"attach '{first}' as one (read_only); attach '{second}' as two (read_only)")
        for table in tables:
            left = connection.execute(f"from one.{table}").fetchall()
            right = connection.execute(f"from two.{table}").fetchall()
            assert left == right, table
        descriptions = "select count(*) from duckdb_columns() where database_name = 'one' and coalesce(comment, '') = ''"
        assert connection.execute(descriptions).fetchone() == (0,)


def _write(folder: Path, name: str, content: str | bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def _parquet(rows: dict[str, list[str]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), sink)
    return sink.getvalue().to_pybytes()


BROKEN = {
    "a missing required column": (
        "support_tickets.csv", "ticket_id,created_at\nt1,2024-01-01T10:00:00Z\n",
        ["support_tickets.csv, column requester_id", "required column"],
    ),
    "text in a number": (
        "support_ratings.csv", RATINGS + "r2,t1,good,1,5\n",
        ["support_ratings.csv, column score, row 2: 'good'", "number"],
    ),
    "a naive timestamp": (
        "support_tickets.csv", TICKETS + "t2,2024-01-01 10:00:00,u1,open\n",
        ["support_tickets.csv, column created_at, row 2: '2024-01-01 10:00:00'", "time zone"],
    ),
    "a duplicate key": (
        "support_tickets.csv", TICKETS + "t1,2024-01-02T10:00:00Z,u1,open\n",
        ["support_tickets.csv, column ticket_id, row 2: 't1'", "row 1"],
    ),
    "a truncated Parquet file": (
        "support_tickets.parquet", _parquet({"ticket_id": ["t1"], "created_at": ["2024-01-01T10:00:00Z"], "requester_id": ["u1"]})[:-40],
        ["support_tickets.parquet", "parquet"],
    ),
    "0 bytes": ("support_tickets.csv", "", ["support_tickets.csv", "0 bytes"]),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_file_stops_the_run_and_the_snapshot_before_it_is_still_served(own_home: Path, tmp_path: Path, broken: str) -> None:
    name, content, expected = BROKEN[broken]
    _write(tmp_path / "input", "support_users.csv", USERS)
    _write(tmp_path / "input", name, content)
    snapshot = own_home / "published" / "twoway.duckdb"
    before = (snapshot.stat().st_ino, _sha(snapshot))
    result = twoway("run", "--home", own_home, "--input", tmp_path / "input")
    assert result.returncode == 1
    complaints = [line for line in result.stderr.splitlines() if line.startswith(name)]
    assert len(complaints) == 1, result.stderr
    for part in expected:
        assert part in complaints[0]
    assert "Traceback" not in result.stderr
    assert (snapshot.stat().st_ino, _sha(snapshot)) == before
    assert twoway("verdict", "--home", own_home).returncode == 0


def test_a_failing_expectation_at_the_border_publishes_nothing(own_home: Path, tmp_path: Path) -> None:
    _write(tmp_path / "input", "support_users.csv", USERS)
    _write(tmp_path / "input", "support_tickets.csv", TICKETS.replace(",open", ",simmering"))
    snapshot = own_home / "published" / "twoway.duckdb"
    before = (snapshot.stat().st_ino, _sha(snapshot))
    result = twoway("run", "--home", own_home, "--input", tmp_path / "input")
    assert result.returncode == 1
    assert "support_tickets.status" in result.stderr
    assert "simmering" in result.stderr
    assert (snapshot.stat().st_ino, _sha(snapshot)) == before


def test_a_failing_dbt_test_publishes_nothing(own_home: Path, tmp_path: Path) -> None:
    revenue = "revenue_id,occurred_at,amount,currency\nr1,2024-01-01T00:00:00Z,1,EUR\nr2,2024-01-01T00:00:00Z,1,USD\n"
    _write(tmp_path / "input", "crm_revenue.csv", revenue)
    snapshot = own_home / "published" / "twoway.duckdb"
    before = (snapshot.stat().st_ino, _sha(snapshot))
    result = twoway("run", "--home", own_home, "--input", tmp_path / "input")
    assert result.returncode == 1
    assert "EUR and USD" in result.stderr
    assert (snapshot.stat().st_ino, _sha(snapshot)) == before


def test_a_broken_source_beside_a_good_one_publishes_stale(own_home: Path, tmp_path: Path) -> None:
    _write(tmp_path / "good", "support_users.csv", USERS)
    _write(tmp_path / "good", "support_tickets.csv", TICKETS)
    _write(tmp_path / "bad", "support_tickets.csv", "")
    configuration = f'[[files]]\nid = "good"\npath = "{tmp_path / "good"}"\n[[files]]\nid = "bad"\npath = "{tmp_path / "bad"}"\n'
    (tmp_path / "twoway.toml").write_text(configuration)
    result = twoway("run", "--home", own_home, "--as-of", "2024-06-01T00:00:00Z", cwd=tmp_path)
    assert result.returncode == 4, result.stderr
    assert "source bad is stale" in result.stderr
    verdict, *_ = json.loads(twoway("verdict", "--json", "--home", own_home).stdout)
    assert (verdict["verdict"], verdict["reason_code"]) == ("inconclusive", "data_quality")
    assert "0 bytes" in (own_home / "report" / "index.html").read_text()


def test_a_plan_changed_after_a_publication_is_told_in_the_card_and_in_the_published_file(own_home: Path, tmp_path: Path) -> None:
    home = Home(own_home)
    changed = tmp_path / "changed.yml"
    changed.write_text(DEFAULT_PLAN.read_text().replace("same_sign_share: 0.8", "same_sign_share: 0.5"))
    frozen = load_plan(changed)
    with duckdb.connect(str(home.build)) as connection:
        connection.execute("update run.context set plan_sha = ?", [frozen.sha256])
    write_candidate(home, own_home / "dbt" / "manifest.json", frozen, "another", datetime(2026, 11, 23, tzinfo=UTC), "1GB")
    publish(home, frozen, "1GB")
    assert "plan changed after data were seen: 1 entry" in twoway("verdict", "--home", own_home).stdout
    with duckdb.connect(str(home.snapshot), read_only=True) as reader:
        rows = reader.execute("select is_current, changed_after_data_seen, changes from meta.plan_history order by 1").fetchall()
    assert rows == [(False, False, []), (True, True, ["claims.C1.specification_curve.same_sign_share: 0.8 → 0.5"])]
    assert len(home.plan_history.read_text().splitlines()) == 2


def test_a_second_run_in_the_same_home_says_that_another_works_there(tmp_path: Path) -> None:
    with run_lock(Home(tmp_path)):
        result = twoway("run", "--home", tmp_path)
    assert result.returncode == 3
    assert "Another run" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("run", "--as-of", "2024-01-01"), "2024-01-01"),
        (("run", "--plan", "nowhere.yml"), "nowhere.yml"),
        (("run", "--no-such-option"), "no-such-option"),
    ],
)
def test_wrong_usage_exits_2_and_names_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    result = twoway(*arguments, "--home", tmp_path)
    assert result.returncode == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_a_query_reads_the_snapshot_and_can_do_nothing_else(published_home: Path, tmp_path: Path) -> None:
    good = twoway("query", "select count(*) as n from core.fct_tickets", "--home", published_home)
    assert "9381" in good.stdout.replace(",", "")
    for forbidden in ("create table x (i int)", f"copy (select 1) to '{tmp_path / 'out.csv'}'", "select * from read_text('/etc/hostname')"):
        refused = twoway("query", forbidden, "--home", published_home)
        assert refused.returncode == 2, forbidden
    assert not (tmp_path / "out.csv").exists()


def test_the_bundled_data_are_small_and_credited() -> None:
    assert sum(path.stat().st_size for path in BUNDLED_INPUT.iterdir()) <= 2 * 1024 * 1024
    attribution = (BUNDLED_INPUT / "README.md").read_text()
    with duckdb.connect() as connection:
        brands = connection.execute(f"select brand_id from '{BUNDLED_INPUT / 'brands.parquet'}'").fetchall()
    assert [brand for (brand,) in brands if brand not in attribution] == []
    assert "pseudonymous" in attribution.lower()
