"""The plan's history: what was changed after a verdict had been published stays visible."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.errors import TwowayError
from pipelines.paths import DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.plan_history import (
    COLUMNS,
    PlanUse,
    Publication,
    append_publication,
    plan_text,
    plan_uses,
    read_history,
    write_plan_history,
)

FIRST = """
plan_id: demo-1
frozen_on: 2026-11-01
claims:
  C1: {smallest_effect_of_interest: 0.005, designs: [roster, adjusted]}
seed: 7
"""
SMALLER = FIRST.replace("0.005", "0.002")
COMMENTED = FIRST + "# nothing but a remark\n"
MORNING = datetime(2026, 11, 22, 5, tzinfo=UTC)


def publication(text: str, day: int = 0, data: str = "d1", sources: tuple[str, ...] = ("crm",)) -> Publication:
    return Publication(hashlib.sha256(text.encode()).hexdigest(), text, MORNING + timedelta(days=day), data, sources)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_first_plan_changed_nothing() -> None:
    (use,) = plan_uses([publication(FIRST)])
    assert (use.is_current, use.changed_after_data_seen, use.changed_from_plan_sha, use.changes) == (True, False, None, [])
    assert (use.plan_id, use.frozen_on, use.first_data_sha) == ("demo-1", "2026-11-01", "d1")


def test_the_same_plan_again_leaves_every_column_as_it_was() -> None:
    once = plan_uses([publication(FIRST)])
    assert plan_uses([publication(FIRST), publication(FIRST, day=1), publication(FIRST, day=2, data="d2")]) == once


def test_a_plan_changed_after_a_verdict_says_which_entries_and_from_what() -> None:
    first, second = plan_uses([publication(FIRST), publication(SMALLER, day=1, data="d2")])
    assert (first.is_current, first.changed_after_data_seen) == (False, False)
    assert (second.is_current, second.changed_after_data_seen) == (True, True)
    assert second.changed_from_plan_sha == first.plan_sha
    assert second.changes == ["claims.C1.smallest_effect_of_interest: 0.005 → 0.002"]
    assert second.first_published_at == MORNING + timedelta(days=1)


def test_entries_that_came_or_went_are_changes_too() -> None:
    _, second = plan_uses([publication(FIRST), publication(FIRST.replace("seed: 7\n", ""), day=1)])
    assert second.changes == ["seed: 7 → absent"]


def test_going_back_to_the_first_plan_hides_nothing() -> None:
    first, second = plan_uses([publication(FIRST), publication(SMALLER, day=1), publication(FIRST, day=2)])
    assert (first.is_current, first.first_published_at) == (True, MORNING)
    assert (second.is_current, second.changed_after_data_seen) == (False, True)


def test_a_remark_in_the_plan_is_another_file_but_no_change() -> None:
    _, second = plan_uses([publication(FIRST), publication(COMMENTED, day=1)])
    assert (second.changed_after_data_seen, second.changes) == (False, [])
    assert second.changed_from_plan_sha is not None


def test_a_verdict_on_the_bundled_data_does_not_spoil_a_plan_for_ones_own() -> None:
    _, own = plan_uses([publication(FIRST, sources=("communities",)), publication(SMALLER, day=1)])
    assert (own.changed_after_data_seen, own.changed_from_plan_sha) == (False, None)
    *_, again = plan_uses([publication(FIRST), publication(FIRST, 1, sources=("communities",)), publication(SMALLER, day=2)])
    assert again.changed_after_data_seen


def test_the_file_grows_by_a_line_and_keeps_what_stood_there(home: Home) -> None:
    written = [publication(FIRST), publication(FIRST, day=1, data="d2"), publication(SMALLER, day=2)]
    before = ""
    for each in written:
        append_publication(home, each)
        now = home.plan_history.read_text()
        assert now.startswith(before)
        assert now.count("\n") == before.count("\n") + 1
        before = now
    assert read_history(home) == written
    # The plan's text stands once for each plan.
    assert ["plan_text" in json.loads(line) for line in before.splitlines()] == [True, False, True]


def _publish(home: Home, uses: list[PlanUse]) -> None:
    home.snapshot.parent.mkdir(exist_ok=True)
    home.snapshot.unlink(missing_ok=True)
    with duckdb.connect(str(home.snapshot)) as connection:
        connection.execute("set TimeZone = 'UTC'; create schema meta")
        write_plan_history(connection, "meta.plan_history", uses)


def test_a_lost_file_is_made_from_the_published_snapshot(home: Home) -> None:
    earlier = [publication(FIRST), publication(SMALLER, day=1, data="d2", sources=("crm", "desk"))]
    _publish(home, plan_uses(earlier))
    assert read_history(home) == earlier
    append_publication(home, publication(FIRST, day=2))
    assert read_history(home) == [*earlier, publication(FIRST, day=2)]


def test_a_snapshot_without_history_and_no_snapshot_start_from_nothing(home: Home) -> None:
    assert read_history(home) == []
    home.snapshot.parent.mkdir()
    with duckdb.connect(str(home.snapshot)) as connection:
        connection.execute("create table other (i int)")
    assert read_history(home) == []


def test_the_published_table_holds_the_rows_and_describes_every_column(home: Home) -> None:
    uses = plan_uses([publication(FIRST), publication(SMALLER, day=1)])
    _publish(home, uses)
    with duckdb.connect(str(home.snapshot), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute("select plan_sha, changed_after_data_seen, changes, plan_text from meta.plan_history").fetchall()
        comments = connection.execute("select count(comment), count(*) from duckdb_columns() where table_name = 'plan_history'").fetchone()
    assert sorted(rows) == sorted((use.plan_sha, use.changed_after_data_seen, use.changes, use.plan_text) for use in uses)
    assert comments == (len(COLUMNS), len(COLUMNS))


@pytest.mark.parametrize("line", ["not json\n", "{}\n", '{"plan_sha": "a", "published_at": "yesterday", "data_sha": "d", "sources": []}\n'])
def test_a_damaged_file_stops_with_its_line(home: Home, line: str) -> None:
    append_publication(home, publication(FIRST))
    home.plan_history.write_text(home.plan_history.read_text() + line)
    with pytest.raises(TwowayError, match=r"plan_history\.jsonl, line 2"):
        read_history(home)


def test_a_plan_changed_under_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.yml"
    path.write_text(DEFAULT_PLAN.read_text())
    frozen = load_plan(path)
    assert plan_text(frozen, frozen.sha256) == DEFAULT_PLAN.read_text()
    path.write_text(DEFAULT_PLAN.read_text() + "# a remark")
    with pytest.raises(TwowayError, match="changed while the run was under way"):
        plan_text(frozen, frozen.sha256)
