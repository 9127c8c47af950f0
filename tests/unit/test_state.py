"""When a build may go on from the last one, and when everything must be computed anew."""

import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.landing import Landing
from pipelines.paths import DEFAULT_PLAN, Home
from pipelines.plan import load_plan
from pipelines.state import begin_build, finish_build
from pipelines.warehouse import RunContext, load_raw

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
TUESDAY = datetime(2026, 1, 6, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.prepare()
    return home


def look(home: Home, as_of: datetime, key: bytes = b"key") -> None:
    """Write the run's context, as every run does before it builds."""
    with duckdb.connect(str(home.build)) as connection:
        load_raw(connection, Landing(Path(os.devnull)), RunContext(as_of, [], load_plan(DEFAULT_PLAN), key, hide_agents=False))


def build(home: Home) -> None:
    """Leave what a dbt run leaves: the fingerprints of what it computed."""
    with duckdb.connect(str(home.build)) as connection:
        connection.execute("create schema if not exists intermediate")
        connection.execute(
            "create or replace table intermediate.int_changes__applied_tickets as"
            " select 's' as source_id, 't' as ticket_id, 'c' as conversation_id, 7::hugeint as fingerprint, true as is_running"
        )
        connection.execute(
            "create or replace table intermediate.int_changes__applied_conversations as"
            " select 'c' as conversation_id, 8::hugeint as fingerprint, false as is_beyond_observation"
        )
    finish_build(home, "1GB")


def test_the_first_build_is_full_and_the_next_goes_on_from_it(home: Home) -> None:
    look(home, MONDAY)
    assert begin_build(home, "1GB", full_refresh=False)
    build(home)
    look(home, TUESDAY)
    assert not begin_build(home, "1GB", full_refresh=False)
    with duckdb.connect(str(home.build), read_only=True) as connection:
        assert connection.execute("from state.applied_tickets").fetchall() == [("s", "t", "c", 7, True)]
        assert connection.execute("from state.applied_conversations").fetchall() == [("c", 8, False)]


def test_a_build_that_did_not_finish_is_followed_by_a_full_one(home: Home) -> None:
    look(home, MONDAY)
    begin_build(home, "1GB", full_refresh=False)
    build(home)
    assert not begin_build(home, "1GB", full_refresh=False)
    assert begin_build(home, "1GB", full_refresh=False)


def test_looking_from_an_earlier_instant_computes_everything_anew(home: Home) -> None:
    look(home, TUESDAY)
    begin_build(home, "1GB", full_refresh=False)
    build(home)
    look(home, MONDAY)
    assert begin_build(home, "1GB", full_refresh=False)


def test_another_key_computes_everything_anew(home: Home) -> None:
    look(home, MONDAY)
    begin_build(home, "1GB", full_refresh=False)
    build(home)
    look(home, MONDAY, key=b"another")
    assert begin_build(home, "1GB", full_refresh=False)


def test_other_code_computes_everything_anew(home: Home) -> None:
    look(home, MONDAY)
    begin_build(home, "1GB", full_refresh=False)
    build(home)
    with duckdb.connect(str(home.build)) as connection:
        connection.execute("update run.context set code_version = 'another'")
    assert begin_build(home, "1GB", full_refresh=False)


def test_who_asks_for_a_full_build_gets_one(home: Home) -> None:
    look(home, MONDAY)
    begin_build(home, "1GB", full_refresh=False)
    build(home)
    assert begin_build(home, "1GB", full_refresh=True)
