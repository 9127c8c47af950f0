"""Medians of the responsiveness tables against statsmodels' Kaplan-Meier curve and NumPy's percentiles."""

from collections import defaultdict

import duckdb
import numpy as np
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

KEYS = {"brand": ("brand_id",), "customer": ("customer_id", "brand_id"), "channel": ("channel", "brand_id")}
PERCENTILES = {"p25": 25, "median": 50, "p75": 75, "p90": 90, "p95": 95}
Groups = dict[tuple[object, ...], list[tuple[float, bool]]]


def _waits(snapshot: duckdb.DuckDBPyConnection, entity: str, period: str) -> Groups:
    """Seconds to the reply, or to the end of observation, and whether it was a reply, per row of the published table."""
    keys = ", ".join(f"turns.{key}" for key in KEYS[entity])
    rows = snapshot.execute(
        f"""
        select {keys}, date_trunc('{period}', timezone(brands.time_zone, turns.asked_at))::date,
            turns.human_elapsed_calendar_seconds, not turns.is_censored
        from core.fct_response_turns as turns
        inner join core.dim_brand as brands on turns.brand_id = brands.brand_id
        where turns.exclusion_reason is null
        """
    ).fetchall()
    groups: Groups = defaultdict(list)
    for *group, seconds, is_answered in rows:
        groups[tuple(group)].append((seconds, is_answered))
    return groups


def _published(snapshot: duckdb.DuckDBPyConnection, entity: str, period: str, column: str) -> dict[tuple[object, ...], float | None]:
    keys = ", ".join([*KEYS[entity], f"{period}_start", column])
    return {tuple(group): value for *group, value in snapshot.execute(f"select {keys} from responsiveness.{entity}_{period}").fetchall()}


def _km_median(waits: list[tuple[float, bool]]) -> float | None:
    """Where statsmodels' curve first falls to one half; None where it stays above."""
    if not any(is_answered for _, is_answered in waits):
        return None
    seconds, answered = np.array([wait for wait, _ in waits]), np.array([int(is_answered) for _, is_answered in waits])
    curve = SurvfuncRight(seconds, answered)
    reached = curve.surv_times[curve.surv_prob <= 0.5 + 1e-12]
    return float(reached[0]) if len(reached) else None


@pytest.mark.parametrize(
    ("entity", "period"), [("brand", "month"), ("brand", "week"), ("brand", "day"), ("customer", "month"), ("channel", "month")]
)
def test_kaplan_meier_medians_are_those_of_statsmodels(snapshot: duckdb.DuckDBPyConnection, entity: str, period: str) -> None:
    expected = {group: _km_median(waits) for group, waits in _waits(snapshot, entity, period).items()}
    assert _published(snapshot, entity, period, "km_median_human_wait_calendar_seconds") == expected
    assert len(expected) >= 50
    assert None in expected.values()


def test_some_medians_of_the_bundled_data_come_after_a_censored_turn(snapshot: duckdb.DuckDBPyConnection) -> None:
    medians = _published(snapshot, "brand", "month", "km_median_human_wait_calendar_seconds")
    groups = _waits(snapshot, "brand", "month")
    after = [
        group
        for group, median in medians.items()
        if median is not None and any(not is_answered and wait < median for wait, is_answered in groups[group])
    ]
    assert after != []


@pytest.mark.parametrize("entity", KEYS)
@pytest.mark.parametrize("name", PERCENTILES)
def test_naive_percentiles_are_those_of_numpy(snapshot: duckdb.DuckDBPyConnection, entity: str, name: str) -> None:
    published = _published(snapshot, entity, "month", f"naive_{name}_human_wait_calendar_seconds")
    groups = _waits(snapshot, entity, "month")
    assert published.keys() == groups.keys()
    for group, waits in groups.items():
        answered = [wait for wait, is_answered in waits if is_answered]
        expected = pytest.approx(np.percentile(answered, PERCENTILES[name]), rel=1e-12) if answered else None
        assert published[group] == expected


def test_an_agent_is_credited_with_the_replies_of_the_period(snapshot: duckdb.DuckDBPyConnection) -> None:
    counted = snapshot.execute(
        """
        select turns.human_replier_id, turns.brand_id,
            date_trunc('week', timezone(brands.time_zone, turns.human_replied_at))::date, count(*)
        from core.fct_response_turns as turns
        inner join core.dim_brand as brands on turns.brand_id = brands.brand_id
        where turns.exclusion_reason is null and turns.human_replied_at is not null
        group by all
        """
    ).fetchall()
    published = snapshot.execute("select agent_id, brand_id, week_start, n_turns from responsiveness.agent_week").fetchall()
    assert sorted(published) == sorted(counted)
