"""Adstock from events alone, against scipy's filter over the dense panel."""

import numpy as np
import pytest
from scipy import signal

from pipelines.claim.adstock import adstock_events
from pipelines.claim.linear import Floats, Integers

N_GROUPS, N_PERIODS = 30, 60
RATES = [0.0, 0.05, 0.3, 0.5, 0.7, 0.9, 0.999, 1.0]


def events(seed: int) -> tuple[Integers, Integers, Floats]:
    """Events of some groups, several in a period, in no order; some groups have none."""
    rng = np.random.default_rng(seed)
    n = 200
    return rng.integers(0, N_GROUPS - 3, n), rng.integers(0, N_PERIODS, n), rng.poisson(2.0, n) + rng.random(n)


def dense(group: Integers, period: Integers, amount: Floats, rate: float) -> Floats:
    panel = np.zeros((N_GROUPS, N_PERIODS))
    np.add.at(panel, (group, period), amount)
    return signal.lfilter([1.0], [1.0, -rate], panel, axis=1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seed", range(3))
def test_every_period_is_that_of_the_dense_filter(seed: int, rate: float) -> None:
    group, period, amount = events(seed)
    expected = dense(group, period, amount, rate)
    ours = adstock_events(group, period, amount, rate)
    groups, periods = np.divmod(np.random.default_rng(seed).permutation(N_GROUPS * N_PERIODS), N_PERIODS)
    np.testing.assert_allclose(ours.at(groups, periods), expected[groups, periods], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("window", [(0, N_PERIODS), (13, 40), (55, 60), (20, 20)])
@pytest.mark.parametrize("rate", RATES)
def test_sums_over_a_window_are_those_of_the_dense_filter(rate: float, window: tuple[int, int]) -> None:
    group, period, amount = events(7)
    expected = dense(group, period, amount, rate)[:, slice(*window)]
    total, squares = adstock_events(group, period, amount, rate).sums(N_GROUPS, *window)
    np.testing.assert_allclose(total, expected.sum(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(squares, (expected**2).sum(axis=1), rtol=1e-12, atol=1e-12)


def test_periods_before_the_first_and_after_the_last_event() -> None:
    ours = adstock_events(np.array([1, 1]), np.array([5, 3]), np.array([1.0, 4.0]), 0.5)
    at = ours.at(np.array([1, 1, 1, 1, 1, 0, 2]), np.array([2, 3, 4, 5, 7, 5, 5]))
    assert at.tolist() == [0.0, 4.0, 2.0, 2.0, 0.5, 0.0, 0.0]


def test_long_gaps_with_a_small_rate_do_not_overflow() -> None:
    ours = adstock_events(np.zeros(2, dtype=np.int64), np.array([0, 5_000]), np.ones(2), 0.01)
    assert ours.at(np.zeros(1, dtype=np.int64), np.array([5_000])).tolist() == [1.0]
    assert ours.sums(1, 0, 10_000)[0][0] == pytest.approx(2 / 0.99, rel=1e-12)


def test_no_events_are_no_adstock() -> None:
    none = np.zeros(0, dtype=np.int64)
    ours = adstock_events(none, none, np.zeros(0), 0.5)
    assert ours.at(np.array([0, 1]), np.array([0, 1])).tolist() == [0.0, 0.0]
    assert [s.tolist() for s in ours.sums(2, 0, 5)] == [[0.0, 0.0], [0.0, 0.0]]
    some = adstock_events(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.ones(1), 0.5)
    assert some.at(none, none).tolist() == []


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_its_range_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        adstock_events(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.ones(1), rate)
