"""Omitted-variable sensitivity: the bound is an identity, so a confounder that is then observed must meet it."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from pipelines.claim.linear import NotIdentifiedError
from pipelines.claim.sensitivity import adjust, benchmark_strength, contour, partial_r2, robustness_value


@pytest.mark.parametrize("seed", range(20))
def test_the_adjusted_estimate_is_the_regression_with_the_confounder(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    control, confounder = rng.normal(size=(2, n))
    treatment = rng.choice([-0.8, 0.8]) * confounder + control + rng.normal(size=n)
    outcome = 0.3 * treatment + rng.choice([-0.7, 0.7]) * confounder + rng.normal(size=n)
    short = sm.add_constant(np.column_stack([treatment, control]))
    long = np.column_stack([short, confounder])
    omitted, full = sm.OLS(outcome, short).fit(), sm.OLS(outcome, long).fit()
    of_treatment = sm.OLS(treatment, long[:, [0, 2, 3]]).fit()
    r2_treatment = partial_r2(of_treatment.params[2], of_treatment.bse[2], of_treatment.df_resid)
    r2_outcome = partial_r2(full.params[3], full.bse[3], full.df_resid)
    b, se, df = float(omitted.params[1]), float(omitted.bse[1]), float(omitted.df_resid)
    reduce = (abs(b) > abs(full.params[1])) or b * full.params[1] < 0
    ours = adjust(b, se, df, r2_treatment, r2_outcome, reduce=reduce)
    assert (ours.estimate, ours.se) == pytest.approx((full.params[1], full.bse[1]), rel=1e-9)
    assert (ours.ci_lo, ours.ci_hi) == pytest.approx(tuple(full.conf_int()[1]), rel=1e-9)
    grid = contour(b, se, df, np.array([0.1, r2_treatment]), np.array([0.2, r2_outcome, 0.9]), reduce)
    assert grid.shape == (3, 2)
    assert grid[1, 1] == pytest.approx(ours.estimate, rel=1e-9)


@pytest.mark.parametrize("q", [1.0, 0.5])
def test_a_confounder_of_the_robustness_value_takes_away_what_it_says(q: float) -> None:
    b, se, df = -0.4, 0.1, 50.0
    strength = robustness_value(b, se, df, q)
    assert adjust(b, se, df, strength, strength).estimate == pytest.approx((1 - q) * b, abs=1e-12)
    at_level = robustness_value(b, se, df, alpha=0.05)
    assert adjust(b, se, df, at_level, at_level).ci_hi == pytest.approx(0.0, abs=1e-9)


def test_an_insignificant_estimate_needs_no_confounder() -> None:
    assert robustness_value(0.1, 0.1, 50, alpha=0.05) == 0.0
    assert robustness_value(0.1, 0.1, 50) > 0


def test_a_huge_t_meets_the_other_bound() -> None:
    # f above 1 / f*: the outcome's side is already at its limit, as in sensemakr's robustness_value.
    f, critical = 30.0, float(stats.t.ppf(0.975, 9)) / 3
    assert f > 1 / critical
    expected = (f**2 - critical**2) / (1 + f**2)
    assert robustness_value(f * np.sqrt(10), 1.0, 10, alpha=0.05) == pytest.approx(expected, rel=1e-12)
    assert adjust(f * np.sqrt(10), 1.0, 10, expected, 1.0).ci_lo >= 0


def test_degenerate_input_is_refused() -> None:
    for se, df in ((0.0, 10.0), (float("nan"), 10.0), (1.0, 1.0)):
        with pytest.raises(NotIdentifiedError):
            robustness_value(1.0, se, df)
    with pytest.raises(NotIdentifiedError, match="that many times"):
        benchmark_strength(0.5, 0.1, 3, 3)
    with pytest.raises(NotIdentifiedError, match="explains all"):
        benchmark_strength(1.0, 0.1, 1, 1)
    with pytest.raises(ValueError, match="partial R2"):
        adjust(1.0, 0.1, 10, 1.0, 0.5)
    assert benchmark_strength(0.1, 0.6, 3, 3)[1] == 1.0
