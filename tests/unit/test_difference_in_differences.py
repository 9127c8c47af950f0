"""Staggered adoption, against diff-diff."""

import warnings
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from diff_diff import CallawaySantAnna

from pipelines.claim.difference_in_differences import staggered_effects
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError

Control = Literal["never_treated", "not_yet_treated"]


def sample(seed: int, with_never: bool = True) -> tuple[Floats, Integers, Floats]:
    """Outcomes (n, T) with gaps between periods, and the first treated period of each unit."""
    rng = np.random.default_rng(seed)
    periods = np.array([2001, 2002, 2003, 2004, 2005, 2006])
    groups = np.array([2001.0, 2003.0, 2004.0, 2006.0, np.inf if with_never else 2006.0])
    adopted = np.concatenate([np.repeat(groups, 4), rng.choice(groups, 40)])
    gain = np.maximum(periods - adopted[:, None] + 1, 0) * np.isfinite(adopted)[:, None]
    y = rng.normal(size=(60, 1)) + rng.normal(size=6) + 0.3 * np.where(np.isfinite(gain), gain, 0) + rng.normal(size=(60, 6))
    return y, periods, adopted


def theirs(y: Floats, periods: Integers, adopted: Floats, control: Control) -> Any:
    n, t = y.shape
    long = pd.DataFrame({"unit": np.repeat(np.arange(n), t), "time": np.tile(periods, n), "y": y.ravel()})
    long["first"] = np.repeat(np.where(np.isfinite(adopted), adopted, 0).astype(int), t)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CallawaySantAnna(control_group=control, estimation_method="reg").fit(long, "y", "unit", "time", "first", aggregate="all")


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
@pytest.mark.parametrize("seed", range(20))
def test_all_effects_are_those_of_diff_diff(seed: int, control: Control) -> None:
    y, periods, adopted = sample(seed)
    kept = adopted > periods[0]
    expected = theirs(y[kept], periods, adopted[kept], control)
    ours = staggered_effects(y, periods, adopted, control)
    assert ours.n_units == kept.sum()
    cells = {(int(c.group), c.period): c.effect for c in ours.group_time}
    # diff-diff leaves out the cell that would be its own base period.
    assert cells.keys() >= {(int(g), int(t)) for g, t in expected.group_time_effects}
    for (g, t), cell in expected.group_time_effects.items():
        own = cells[int(g), int(t)]
        assert (own.estimate, own.se) == pytest.approx((cell["effect"], cell["se"]), abs=1e-9)
    for found, wanted in ((ours.by_event_time, expected.event_study_effects), (ours.by_group, expected.group_effects)):
        for key, cell in wanted.items():
            own = found[int(key)]
            assert (own.estimate, own.se) == pytest.approx((cell["effect"], cell["se"]), abs=1e-9)
            assert (own.ci_lo, own.ci_hi) == pytest.approx((own.estimate - 1.959964 * own.se, own.estimate + 1.959964 * own.se), abs=1e-6)
    assert (ours.simple.estimate, ours.simple.se) == pytest.approx((expected.overall_att, expected.overall_se), abs=1e-9)


def test_without_never_treated_the_last_group_is_a_control_only() -> None:
    y, periods, adopted = sample(3, with_never=False)
    ours = staggered_effects(y, periods, adopted, "not_yet_treated")
    assert {c.group for c in ours.group_time if c.period >= c.group} == {2003.0, 2004.0}
    assert all(c.period < 2006 for c in ours.group_time)
    with pytest.raises(NotIdentifiedError, match="no group has both"):
        staggered_effects(y, periods, adopted, "never_treated")


def test_adoption_after_the_panel_is_never() -> None:
    y, periods, adopted = sample(4)
    later = np.where(np.isinf(adopted), 2050.0, adopted)
    one, other = staggered_effects(y, periods, adopted).simple, staggered_effects(y, periods, later).simple
    assert (other.estimate, other.se) == (one.estimate, one.se)


def test_order_of_units_changes_nothing() -> None:
    y, periods, adopted = sample(5)
    order = np.random.default_rng(0).permutation(len(y))
    one, other = staggered_effects(y, periods, adopted), staggered_effects(y[order], periods, adopted[order])
    for a, b in ((one.simple, other.simple), (one.overall_group, other.overall_group)):
        assert (a.estimate, a.se) == pytest.approx((b.estimate, b.se), abs=1e-10)


def test_the_average_over_groups_with_one_group_is_that_group() -> None:
    y, periods, adopted = sample(6)
    kept = np.isin(adopted, [2004.0, np.inf])
    ours = staggered_effects(y[kept], periods, adopted[kept])
    only = ours.by_group[2004.0]
    assert (ours.overall_group.estimate, ours.overall_group.se) == pytest.approx((only.estimate, only.se), abs=1e-12)
    # Two-by-two: change of the treated less change of the others, with the variances of two independent means.
    cell = next(c for c in ours.group_time if c.period == 2004)
    treated, change = adopted[kept] == 2004.0, y[kept, 3] - y[kept, 2]
    assert cell.effect.estimate == pytest.approx(change[treated].mean() - change[~treated].mean(), abs=1e-12)
    spread = change[treated].var() / treated.sum() + change[~treated].var() / (~treated).sum()
    assert cell.effect.se == pytest.approx(np.sqrt(spread), abs=1e-12)


def test_degenerate_panels_are_refused() -> None:
    y, periods, adopted = sample(7)
    with pytest.raises(NotIdentifiedError, match="no group has both"):
        staggered_effects(y, periods, np.full(len(y), np.inf))
    with pytest.raises(NotIdentifiedError, match="no group has both"):
        staggered_effects(y, periods, np.full(len(y), 2001.0))
    with pytest.raises(ValueError, match="balanced"):
        staggered_effects(np.where(y == y[0, 0], np.nan, y), periods, adopted)
    with pytest.raises(ValueError, match="ascend"):
        staggered_effects(y, periods[::-1], adopted)
