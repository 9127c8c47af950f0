"""Many tests at once, against statsmodels, scipy's multivariate t, and Dunnett's table."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.multiplicity import benjamini_hochberg, compare_with_best, holm, one_sided_critical_value


@pytest.mark.parametrize("seed", range(20))
def test_holm_and_benjamini_hochberg_are_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = np.round(rng.random(1 + seed) ** 3, 2)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], atol=1e-12)


@pytest.mark.parametrize(
    ("m", "df", "published"),
    [(1, 20, 1.72), (2, 20, 2.03), (3, 20, 2.19), (4, 20, 2.30), (2, 10, 2.15), (3, 10, 2.34), (2, np.inf, 1.92), (3, np.inf, 2.06)],
)
def test_one_sided_critical_values_are_dunnett_s(m: int, df: float, published: float) -> None:
    """Dunnett (1955), table 1a: joint confidence 95 %, m treatments against a control, equal group sizes."""
    correlation = np.full((m, m), 0.5) + 0.5 * np.eye(m)
    assert one_sided_critical_value(correlation, df, 0.95) == pytest.approx(published, abs=0.006)


@pytest.mark.parametrize("seed", range(4))
def test_critical_values_hold_their_level_in_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(3, 4))
    covariance = root @ root.T
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    c = one_sided_critical_value(correlation, 15, 0.95)
    joint = stats.multivariate_t(np.zeros(3), correlation, df=15).cdf(np.full(3, c), maxpts=200_000, random_state=0)
    assert joint == pytest.approx(0.95, abs=0.001)
    assert one_sided_critical_value(correlation, 15, 0.95) == c


def levers(seed: int, k: int = 4) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, k + 1)) * 0.2
    return rng.normal(size=k), root @ root.T


def test_equal_groups_are_hsu_s_formula() -> None:
    """Balanced case: (e_i - max e_j +- d s sqrt 2), constrained to touch 0 (Hsu 1981)."""
    estimates, s = np.array([3.0, 1.0, 2.2, 0.5]), 0.5
    ours = compare_with_best(estimates, s**2 * np.eye(4), 20)
    w = 2.19 * s * np.sqrt(2)
    best_other = np.array([2.2, 3.0, 3.0, 3.0])
    assert ours.difference == pytest.approx(estimates - best_other)
    assert ours.lower == pytest.approx(estimates - best_other - w, abs=0.01)
    assert ours.hsu_upper == pytest.approx(np.maximum(estimates - best_other + w, 0), abs=0.01)
    assert ours.hsu_lower == pytest.approx(np.minimum(estimates - best_other - w, 0), abs=0.01)
    assert ours.critical == pytest.approx(np.full(4, 2.19), abs=0.0075)


def test_a_clear_winner_is_named_and_everyone_else_is_not() -> None:
    ours = compare_with_best(np.array([5.0, 1.0, 0.0, 1.5]), 0.01 * np.eye(4), 100)
    assert ours.lower[0] > 0
    assert max(ours.lower[1:]) < 0
    assert ours.hsu_lower[0] == 0
    assert ours.hsu_upper.tolist()[1:] == [0, 0, 0]


@pytest.mark.parametrize(("first", "lower"), [(1.0, 1.0 - 1.7247), (1.9, 0.0)])
def test_a_lever_that_cannot_be_best_is_nobody_s_rival(first: float, lower: float) -> None:
    """Errors in one direction only, so that critical values are Student's with 20 df: 1.7247, and 2.0860 for the middle one.

    The third lever is surely below the second; as a rival it would take the first one's bound 0.31 lower, or below 0.
    """
    direction = np.array([1.0, 0.0, 0.01])
    ours = compare_with_best(np.array([first, 0.0, -0.03]), np.outer(direction, direction), 20)
    assert ours.critical == pytest.approx([1.7247, 1.7247, 2.0860], abs=0.003)
    assert ours.hsu_upper[2] == 0
    assert (ours.hsu_upper[1] > 0) == (first < 1.7247)
    assert ours.hsu_lower[0] == pytest.approx(lower, abs=0.003)


def test_lower_bounds_hold_at_their_level() -> None:
    """Three levers as good as the first, the others' estimates correlated and unequally precise."""
    _, covariance = levers(1)
    df, n = 12, 4000
    d = compare_with_best(np.zeros(4), covariance, df).critical[0]
    rng = np.random.default_rng(0)
    scale = np.sqrt(df / rng.chisquare(df, n))
    draws = rng.multivariate_normal(np.zeros(4), covariance, n)
    se = np.sqrt(covariance[0, 0] + np.diag(covariance)[1:] - 2 * covariance[0, 1:])
    t = (draws[:, :1] - draws[:, 1:]) / se * scale[:, None]
    assert np.mean(t.max(axis=1) <= d) == pytest.approx(0.95, abs=0.012)


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_levers_only_reorders_the_answer(seed: int) -> None:
    estimates, covariance = levers(seed)
    order = np.random.default_rng(seed).permutation(4)
    one, other = compare_with_best(estimates, covariance, 30), compare_with_best(estimates[order], covariance[np.ix_(order, order)], 30)
    for name in ("difference", "lower", "hsu_lower", "hsu_upper"):
        np.testing.assert_allclose(getattr(other, name), getattr(one, name)[order], atol=0.01)


def test_two_levers_are_a_one_sided_t_interval() -> None:
    estimates, covariance = np.array([1.0, 0.4]), np.array([[0.04, 0.01], [0.01, 0.09]])
    ours = compare_with_best(estimates, covariance, 25)
    half = stats.t.ppf(0.95, 25) * np.sqrt(0.04 + 0.09 - 0.02)
    assert ours.lower[0] == pytest.approx(0.6 - half, abs=0.002)
    assert ours.hsu_upper[1] == pytest.approx(max(-0.6 + half, 0.0), abs=0.002)


def test_degenerate_input_is_refused() -> None:
    with pytest.raises(NotIdentifiedError, match="fewer than two"):
        compare_with_best(np.array([1.0]), np.eye(1), 10)
    with pytest.raises(NotIdentifiedError, match="no standard error"):
        compare_with_best(np.array([1.0, 2.0]), np.ones((2, 2)), 10)
    with pytest.raises(NotIdentifiedError, match="no covariance"):
        compare_with_best(np.array([1.0, 2.0]), np.full((2, 2), np.nan), 10)
    with pytest.raises(ValueError, match="p-value"):
        holm(np.array([0.1, np.nan]))
    assert holm(np.array([])).tolist() == []
