"""The permutation test of an instrument by shift, against scipy's exact enumeration."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy import stats

from pipelines.claim.linear import Floats, Integers, NotIdentifiedError
from pipelines.claim.permutation import permutation_test


def sample(seed: int, n_shifts: int, effect: float = 0.0) -> tuple[Floats, Integers, Integers, Floats]:
    """Residuals, shift of each row (some none), shift codes and their shortfall."""
    rng = np.random.default_rng(seed)
    shifts = np.sort(rng.choice(1000, n_shifts, replace=False))
    shortfall = rng.gamma(2.0, 0.1, n_shifts)
    position = rng.integers(-1, n_shifts, 12 * n_shifts)
    residuals = rng.normal(size=len(position)) + effect * np.where(position >= 0, shortfall[position], 0.0)
    return residuals, np.where(position >= 0, shifts[position], -1), shifts, shortfall


def shift_sums(residuals: Floats, shift_of_row: Integers, shifts: Integers) -> Floats:
    return np.array([residuals[shift_of_row == s].sum() for s in shifts])


@pytest.mark.parametrize("seed", range(5))
def test_p_is_that_of_scipy_over_all_permutations(seed: int) -> None:
    residuals, of_row, shifts, shortfall = sample(seed, 7, effect=3.0)
    sums = shift_sums(residuals, of_row, shifts)
    z = shortfall - shortfall.mean()
    exact = stats.permutation_test(
        (z,), lambda order: abs(order @ sums), permutation_type="pairings", alternative="greater", n_resamples=np.inf, vectorized=False
    )
    ours = permutation_test(residuals, of_row, shifts, shortfall, np.zeros(7, dtype=np.int64), n_draws=20_000)
    assert abs(ours.statistic) == pytest.approx(exact.statistic, rel=1e-10)
    assert ours.p == pytest.approx(exact.pvalue, abs=4 * np.sqrt(0.25 / 20_000))


def test_shifts_are_exchanged_within_strata_only() -> None:
    residuals, of_row, shifts, shortfall = sample(1, 7, effect=2.0)
    strata = np.array([0, 1, 0, 1, 0, 1, 1])
    shortfall = shortfall + 5 * strata
    sums = shift_sums(residuals, of_row, shifts)
    z = shortfall - np.array([shortfall[strata == s].mean() for s in strata])
    own, own_studentised, larger, larger_studentised, count = z @ sums, 0.0, 0, 0, 0
    centred = sums - np.array([sums[strata == s].mean() for s in strata])
    own_studentised = own / np.sqrt(z**2 @ centred**2)
    for one, other in product(permutations(z[strata == 0]), permutations(z[strata == 1])):
        drawn = np.empty(7)
        drawn[strata == 0], drawn[strata == 1] = one, other
        count += 1
        larger += abs(drawn @ sums) >= abs(own) * (1 - 1e-12)
        larger_studentised += abs(drawn @ sums / np.sqrt(drawn**2 @ centred**2)) >= abs(own_studentised) * (1 - 1e-12)
    ours = permutation_test(residuals, of_row, shifts, shortfall, strata, n_draws=20_000)
    assert (ours.statistic, ours.studentised) == pytest.approx((own, own_studentised), rel=1e-9)
    assert ours.p == pytest.approx(larger / count, abs=4 * np.sqrt(0.25 / 20_000))
    assert ours.p_studentised == pytest.approx(larger_studentised / count, abs=4 * np.sqrt(0.25 / 20_000))


def test_a_true_effect_is_found_and_none_is_not_found_too_often() -> None:
    found = [permutation_test(*sample(s, 60, effect=8.0), strata=np.arange(60) % 3, n_draws=199).p for s in range(10)]
    assert max(found) <= 0.05
    none = [permutation_test(*sample(s, 60), strata=np.arange(60) % 3, n_draws=199) for s in range(300)]
    assert 0.02 < np.mean([test.p <= 0.05 for test in none]) < 0.085
    assert 0.02 < np.mean([test.p_studentised <= 0.05 for test in none]) < 0.085


def test_order_of_rows_and_of_shifts_change_nothing() -> None:
    residuals, of_row, shifts, shortfall = sample(2, 20, effect=1.0)
    strata = shifts % 3
    rng = np.random.default_rng(0)
    rows, order = rng.permutation(len(residuals)), rng.permutation(20)
    one = permutation_test(residuals, of_row, shifts, shortfall, strata)
    other = permutation_test(residuals[rows], of_row[rows], shifts[order], shortfall[order], strata[order])
    assert (other.p, other.p_studentised, other.n_shifts) == (one.p, one.p_studentised, one.n_shifts)
    assert other.statistic == pytest.approx(one.statistic, abs=1e-10)


def test_weights_count_a_row_several_times() -> None:
    residuals, of_row, shifts, shortfall = sample(3, 9)
    twice = np.where(np.arange(len(residuals)) % 2 == 0, 2.0, 1.0)
    weighted = permutation_test(residuals, of_row, shifts, shortfall, np.zeros(9, dtype=np.int64), weights=twice)
    repeated = np.repeat(np.arange(len(residuals)), twice.astype(int))
    by_rows = permutation_test(residuals[repeated], of_row[repeated], shifts, shortfall, np.zeros(9, dtype=np.int64))
    assert (weighted.statistic, weighted.p) == pytest.approx((by_rows.statistic, by_rows.p), rel=1e-9)


def test_degenerate_samples_are_refused() -> None:
    residuals, of_row, shifts, shortfall = sample(4, 9)
    with pytest.raises(NotIdentifiedError, match="two shifts with different instruments"):
        permutation_test(residuals, of_row, shifts, shortfall, np.arange(9))
    with pytest.raises(NotIdentifiedError, match="two shifts with different instruments"):
        permutation_test(residuals, of_row, shifts, np.full(9, 0.3), np.zeros(9, dtype=np.int64))
    with pytest.raises(NotIdentifiedError, match="residuals do not vary"):
        permutation_test(np.zeros(len(residuals)), of_row, shifts, shortfall, np.zeros(9, dtype=np.int64))
    with pytest.raises(NotIdentifiedError):
        permutation_test(residuals, np.full(len(residuals), -1), shifts, shortfall, np.zeros(9, dtype=np.int64))
    with pytest.raises(ValueError, match="not listed"):
        permutation_test(residuals, of_row, shifts[1:], shortfall[1:], np.zeros(8, dtype=np.int64))
    with pytest.raises(ValueError, match="twice"):
        permutation_test(residuals, of_row, np.append(shifts, shifts[0]), np.append(shortfall, 1.0), np.zeros(10, dtype=np.int64))
