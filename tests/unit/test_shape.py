"""Equivalence and turning points, against statsmodels and scipy."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize
from statsmodels.stats.weightstats import DescrStatsW

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.shape import equivalence, quadratic_shape


@pytest.mark.parametrize("seed", range(20))
def test_two_one_sided_tests_are_statsmodels(seed: int) -> None:
    values = np.random.default_rng(seed).normal(0.1, 0.8, 30)
    theirs = DescrStatsW(values)
    p, lower, upper = theirs.ttost_mean(-0.4, 0.4)
    ours = equivalence(values.mean(), theirs.std_mean, 29, 0.4)
    assert (ours.p_lower, ours.p_upper, ours.p) == pytest.approx((lower[1], upper[1], p), abs=1e-12)
    assert (ours.ci_lo, ours.ci_hi) == pytest.approx(theirs.tconfint_mean(alpha=0.1), abs=1e-12)
    assert ours.is_equivalent == (p < 0.05) == (ours.ci_lo > -0.4 and ours.ci_hi < 0.4)


def curve(seed: int, peak: float = 0.4, n: int = 200) -> tuple[Floats, Floats]:
    """x, and a noisy inverted U of it."""
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    return x, -((x - peak) ** 2) + 0.15 * rng.normal(size=n)


@pytest.mark.parametrize("seed", range(20))
def test_slopes_at_both_ends_are_statsmodels_and_the_peak_is_scipy_s(seed: int) -> None:
    x, y = curve(seed)
    fit = sm.OLS(y, np.column_stack([np.ones(len(x)), x, x**2])).fit()
    ours = quadratic_shape(fit.params[1:], fit.cov_params()[1:, 1:], x.min(), x.max(), fit.df_resid)
    assert ours.kind == "inverted_u"
    p = []
    for end, sign in ((x.min(), 1), (x.max(), -1)):
        theirs = fit.t_test([0, 1, 2 * end])
        p.append(theirs.pvalue / 2 if theirs.effect[0] * sign > 0 else 1 - theirs.pvalue / 2)
        own = (ours.slope_lo, ours.se_lo) if sign == 1 else (ours.slope_hi, ours.se_hi)
        assert own == pytest.approx((theirs.effect[0], theirs.sd[0, 0]), rel=1e-8)
    assert ours.p == pytest.approx(max(map(float, p)), abs=1e-10)
    # The same curve written with its peak as a parameter.
    (_, _, peak), spread = optimize.curve_fit(lambda v, a, b, c: a + b * (v - c) ** 2, x, y, p0=[0, -1, 0.4], xtol=1e-14, ftol=1e-14)
    assert (ours.peak, ours.peak_se) == pytest.approx((peak, np.sqrt(spread[2, 2])), rel=1e-5)
    assert ours.peak_set.kind == "interval"
    assert ours.peak_set.contains(ours.peak)
    for end in (ours.peak_set.lo, ours.peak_set.hi):
        assert fit.t_test([0, 1, 2 * end]).pvalue == pytest.approx(0.05, abs=1e-8)


def test_a_curve_whose_peak_lies_beyond_the_data_is_none() -> None:
    covariance = np.diag([0.01, 0.01])
    beyond = quadratic_shape(np.array([3.0, -1.0]), covariance, 0.0, 1.0, 100)
    assert beyond.peak == 1.5
    assert beyond.p > 0.5
    within = quadratic_shape(np.array([1.0, -1.0]), covariance, 0.0, 1.0, 100)
    assert within.p < 0.001
    assert quadratic_shape(np.array([-1.0, 1.0]), covariance, 0.0, 1.0, 100).kind == "u"
    assert quadratic_shape(np.array([-1.0, 1.0]), covariance, 0.0, 1.0, 100).p == pytest.approx(within.p)


def test_a_curvature_that_may_be_zero_leaves_the_peak_open() -> None:
    flat = quadratic_shape(np.array([1.0, -0.1]), np.diag([0.01, 0.01]), 0.0, 1.0, 100)
    assert flat.peak_set.kind == "rays"
    assert flat.peak_set.contains(flat.peak)
    nothing = quadratic_shape(np.array([0.1, -0.1]), np.diag([0.01, 0.01]), 0.0, 1.0, 100)
    assert nothing.peak_set.kind == "line"


def test_degenerate_input_is_refused() -> None:
    for se, df, margin in ((0.0, 10, 1.0), (float("nan"), 10, 1.0), (1.0, 0, 1.0), (1.0, 10, 0.0)):
        with pytest.raises(NotIdentifiedError):
            equivalence(0.0, se, df, margin)
    with pytest.raises(NotIdentifiedError, match="no curvature"):
        quadratic_shape(np.array([1.0, 0.0]), np.eye(2), 0, 1, 10)
    with pytest.raises(NotIdentifiedError, match="no range"):
        quadratic_shape(np.array([1.0, 1.0]), np.eye(2), 1, 1, 10)
    with pytest.raises(NotIdentifiedError, match="standard error at an end"):
        quadratic_shape(np.array([1.0, 1.0]), np.zeros((2, 2)), 0, 1, 10)
