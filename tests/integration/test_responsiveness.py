"""Medians of the responsiveness tables against statsmodels' Kaplan-Meier curve and NumPy's percentiles."""

from collections import defaultdict

import duckdb
import numpy as np
import polars as pl
import pytest
from jinja2 import Environment
from statsmodels.duration.survfunc import SurvfuncRight

from pipelines.paths import DBT_PROJECT

KEYS = {"brand": ("brand_id",), "customer": ("customer_id", "brand_id"), "channel": ("channel", "brand_id")}
PERCENTILES = {"p25": 25, "median": 50, "p75": 75, "p90": 90, "p95": 95}
MADE_UP_CLOCKS = ("human_wait_calendar", "human_wait_business", "first_human_wait_calendar")
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


def _brand_days(turns: list[tuple[str, bool, float, float | None, int]], seed: int) -> dict[str, tuple[float | None, ...]]:
    """What the model brand_day says of made-up turns, which it reads in an order shuffled by the seed."""
    macros = "".join((DBT_PROJECT / "macros" / f"{name}.sql").read_text() for name in ("local_instants", "kaplan_meier", "responsiveness"))
    model = Environment().from_string(macros + "{{ responsiveness('brand', 'day') }}").render(ref=lambda name: name)
    columns = ["brand_id", "is_answered", "human_elapsed_calendar_seconds", "human_elapsed_business_seconds", "turn_number"]
    made_up = pl.DataFrame(turns, schema=columns, orient="row").sample(fraction=1, shuffle=True, seed=seed)
    with duckdb.connect() as connection:
        connection.register("made_up", made_up)
        connection.execute(
            """
            create table responsiveness_turns as
            select *, date '2024-01-01' as asked_on, timestamptz '2024-01-01 10:00:00+00' as asked_at,
                null::double as any_wait_calendar_seconds, null::boolean as has_target, null::boolean as is_within_target
            from made_up;
            create table dim_brand as
            select distinct brand_id, 'UTC' as time_zone, timestamptz '2024-01-03 00:00:00+00' as observed_end_at
            from made_up
            """
        )
        medians = ", ".join(f"km_median_{clock}_seconds" for clock in MADE_UP_CLOCKS)
        rows = connection.execute(f"select brand_id, {medians} from ({model})").fetchall()
    return {brand: tuple(found) for brand, *found in rows}


def test_medians_under_heavy_censoring_are_those_of_statsmodels_in_any_order_of_rows() -> None:
    random = np.random.default_rng(1)
    turns = []
    for group in range(300):
        answered_share = random.uniform(0.2, 0.95)
        for _ in range(random.integers(1, 40)):
            seconds = float(random.integers(0, 30)) if group % 2 else float(random.exponential(3600))
            business = None if random.random() < 0.3 else seconds / 3
            turns.append((f"b{group}", bool(random.random() < answered_share), seconds, business, int(random.integers(1, 3))))

    groups: dict[str, list[list[tuple[float, bool]]]] = defaultdict(lambda: [[], [], []])
    for brand, is_answered, seconds, business, turn_number in turns:
        calendar_waits, business_waits, first_waits = groups[brand]
        calendar_waits.append((seconds, is_answered))
        if business is not None:
            business_waits.append((business, is_answered))
        if turn_number == 1:
            first_waits.append((seconds, is_answered))
    expected = {brand: tuple(_km_median(waits) for waits in clocks) for brand, clocks in groups.items()}

    after_censoring = [
        brand
        for brand, (median, *_) in expected.items()
        if median is not None and any(not is_answered and wait < median for wait, is_answered in groups[brand][0])
    ]
    assert len(after_censoring) >= 100
    assert sum(median is None for median, *_ in expected.values()) >= 20
    assert _brand_days(turns, seed=1) == expected
    assert _brand_days(turns, seed=2) == expected


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
