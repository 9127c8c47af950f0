"""The event study of tightened service levels: a published one, panels made by hand, and a simulated company."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipelines.claim.difference_in_differences import Effect
from pipelines.claim.event_study import EventStudyPoint, _simultaneous, event_study
from pipelines.claim.sample import Panel
from pipelines.simulate.answers import service_level_week
from pipelines.simulate.arrays import panel_of
from pipelines.simulate.company import simulate
from pipelines.simulate.worlds import WORLDS

MPDTA = Path(__file__).parents[1] / "golden" / "known_answers" / "mpdta.parquet"
NEVER = float("inf")


def panel(outcome: np.ndarray, brand: np.ndarray, responsiveness: np.ndarray | None = None) -> Panel:
    """A balanced panel from (customers, weeks) and the customers' brands."""
    n, t = outcome.shape
    customer, week = np.divmod(np.arange(n * t), t)
    dose = outcome if responsiveness is None else responsiveness
    return Panel(
        customer=customer, brand=brand[customer], week=week, turns=np.ones(n * t), responsiveness=dose.ravel(), broadcast={},
        broadcast_reach="brand", outcome=outcome.ravel(), shift=None, slot=None, columns={}, first_week=None, last_week=None,
    )  # fmt: skip


def by_week(rows: list[EventStudyPoint], measure: str = "outcome") -> dict[int, EventStudyPoint]:
    return {row.event_time_weeks: row for row in rows if row.measure == measure and row.event_time_weeks is not None}


def covers(lo: float | None, hi: float | None) -> bool:
    return lo is not None and hi is not None and lo <= 0 <= hi


def made(n_weeks: int = 30, horizon: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Brands that change in weeks 10 and 16 and one that never does; customers gain 1, 2, 3 and 4 a week from then on."""
    brand = np.repeat([0, 1, 2], 4)
    first = np.array([10.0, 16.0, NEVER])
    gain, weeks = np.tile([1.0, 2.0, 3.0, 4.0], 3), np.arange(n_weeks + horizon)
    own = gain[:, None] * (weeks >= first[brand][:, None])
    level = np.linspace(-5, 5, 12)[:, None] + np.sin(weeks)
    # The outcome of week t sums up what the treatment does in weeks t to t + horizon - 1.
    outcome = sum(own[:, lag : lag + n_weeks] for lag in range(horizon)) + level[:, :n_weeks]
    return np.asarray(outcome), brand, first, own[:, :n_weeks]


def test_a_published_event_study_is_reproduced() -> None:
    """Callaway and Sant'Anna (2021): teen employment and minimum wages, years since adoption, without covariates."""
    counties = pd.read_parquet(MPDTA).sort_values(["countyreal", "year"])
    outcome = counties["lemp"].to_numpy().reshape(-1, 5)
    first = counties["first.treat"].to_numpy().reshape(-1, 5)[:, 0]
    years, brand = np.unique(first, return_inverse=True)
    found = by_week(event_study(panel(outcome, brand), np.where(years > 0, years - 2003, NEVER), "log jobs", 1))
    assert [found[e].estimate for e in range(4)] == pytest.approx([-0.0199, -0.0510, -0.1373, -0.1008], abs=6e-5)
    assert {row.control for row in found.values()} == {"never_treated"}
    assert [found[e].n_cohorts for e in range(4)] == [3, 2, 1, 1]
    for row in found.values():
        assert row.simultaneous_lo is not None
        assert row.ci95_lo is not None
        assert row.simultaneous_lo < row.ci95_lo


def test_intervals_that_hold_all_weeks_at_once_are_sidaks_where_weeks_are_independent() -> None:
    apart = [Effect(0.0, 1.0, 0.0, 0.0, row) for row in np.eye(3)]
    assert _simultaneous(apart, 0) == pytest.approx(stats.norm.ppf((1 + 0.95 ** (1 / 3)) / 2), abs=2e-3)
    assert _simultaneous(apart[:1] * 2, 0) == pytest.approx(stats.norm.ppf(0.975), abs=2e-3)


def test_what_is_added_from_the_week_of_the_change_is_found_from_that_week_on() -> None:
    outcome, brand, first, _ = made()
    found = by_week(event_study(panel(outcome, brand), first, "EUR", 1))
    assert sorted(found) == list(range(-8, 13))
    for week, row in found.items():
        assert row.estimate == pytest.approx(2.5 if week >= 0 else 0.0, abs=1e-9)
        assert row.phase == ("after" if week >= 0 else "before")
        assert row.n_cohorts == 2


def test_an_outcome_over_several_weeks_reaches_past_the_change_before_it() -> None:
    outcome, brand, first, own = made(horizon=4)
    rows = event_study(panel(outcome, brand, own), first, "EUR", 4)
    found = by_week(rows)
    assert min(found) == -11
    for week, row in found.items():
        reached = min(max(week + 4, 0), 4)
        assert row.estimate == pytest.approx(2.5 * reached, abs=1e-9), week
        assert row.phase == ("before" if week < -3 else "partly_after" if week < 0 else "after")
    # The reply time is of the week itself.
    assert {row.phase for row in by_week(rows, "responsiveness").values()} == {"before", "after"}


def test_brands_that_have_not_changed_yet_are_compared_with_where_all_do() -> None:
    outcome, brand, first, _ = made()
    changed = brand < 2
    found = by_week(event_study(panel(outcome[changed], brand[changed]), first, "EUR", 1))
    assert {row.control for row in found.values()} == {"not_yet_treated"}
    # Cohort 10 has a comparison until week 15 only.
    assert max(found) == 5
    assert found[5].estimate == pytest.approx(2.5)


def test_a_reason_stands_where_there_is_no_estimate() -> None:
    outcome, brand, first, _ = made()
    whole = panel(outcome, brand)

    def reasons(rows: list[EventStudyPoint]) -> set[str | None]:
        assert [row.estimate for row in rows] == [None, None]
        return {row.reason for row in rows}

    assert reasons(event_study(whole, np.full(3, NEVER), "EUR", 1)) == {"no brand's target for the first reply was tightened on record"}
    (one,) = reasons(event_study(whole, np.array([10.0, 10.0, NEVER]), "EUR", 1))
    assert one == "brands tightened their targets in one week only of those that were watched; 2 are needed"
    (none,) = reasons(event_study(whole, np.array([0.0, 40.0, NEVER]), "EUR", 1))
    assert none is not None
    assert "no week" in none
    gappy = whole.rows(whole.week != 12)
    assert reasons(event_study(gappy, first, "EUR", 1)) == {"no customer was watched in every week round the changes"}
    assert reasons(event_study(whole.rows(whole.week < 0), first, "EUR", 1)) == {"the panel is empty"}
    assert reasons(event_study(panel(np.zeros((12, 30)), brand), first, "EUR", 1)) == {"the customers do not differ"}


def test_customers_who_come_late_do_not_count() -> None:
    outcome, brand, first, _ = made()
    whole = panel(outcome, brand)
    found = by_week(event_study(whole.rows((whole.customer != 0) | (whole.week > 20)), first, "EUR", 1))
    # Of the first cohort's gains 1 to 4 the 1 is gone: 3 and 2.5, by 3 and 4 customers.
    assert found[3].estimate == pytest.approx((3 * 3.0 + 4 * 2.5) / 7)
    assert found[3].n_customers == 11


def test_the_staggered_world_shows_when_replies_became_faster() -> None:
    world = replace(
        WORLDS["staggered"], outage_rate=0.0, bot_share=0.0, responsiveness_effect=2.0, noise_sd=0.1, shift_shock_sd=0.0,
        tagged_severity_effect=0.0, untagged_severity_effect=0.0, contact_cost=0.0,
    )  # fmt: skip
    company = simulate(world, 3, 1200, 36)
    sample = panel_of(company)
    weeks = service_level_week(world, 36).astype(float)
    rows = event_study(sample, np.where(weeks < 36, weeks, NEVER), "EUR", 1)
    rate = float(sample.turns.mean())
    for measure, gain in (("responsiveness", rate), ("outcome", 2.0 * rate)):
        found = by_week(rows, measure)
        after = [row for week, row in found.items() if week >= 0]
        before = [row for week, row in found.items() if week < 0]
        mean = np.mean([row.estimate for row in after])
        # The floor of the wait takes a little of the gain.
        assert mean == pytest.approx(gain, rel=0.25), measure
        assert sum(covers(row.ci95_lo, row.ci95_hi) for row in before) >= len(before) - 2
        assert all(covers(row.simultaneous_lo, row.simultaneous_hi) for row in before)
