"""Permutation test of an instrument that varies by cluster, such as a roster shortfall by shift."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import RANK_TOLERANCE, Floats, Integers, NotIdentifiedError, codes


@dataclass(frozen=True)
class PermutationTest:
    """Whether the outcome follows the instrument more than under random reassignment within strata.

    Args:
        statistic: sum over shifts of the centred instrument times the shift's sum of residuals.
        studentised: the same over the root of its sum of squares.
        p: two-sided, (1 + draws at least as large) / (1 + draws).
        p_studentised: the same of the studentised statistic; also right where effects differ (DiCiccio and Romano 2017).
        n_shifts: shifts whose stratum has instruments that differ.
        n_draws: permutations.
    """

    statistic: float
    studentised: float
    p: float
    p_studentised: float
    n_shifts: int
    n_draws: int


def permutation_test(
    residuals: Floats,
    shift_of_row: Integers,
    shifts: Integers,
    shortfall: Floats,
    strata: Integers,
    weights: Floats | None = None,
    n_draws: int = 999,
    seed: int = 0,
) -> PermutationTest:
    """Permute the instrument over shifts of the same stratum.

    Args:
        residuals: (n,) outcome less its effects and controls.
        shift_of_row: (n,) one of `shifts`, or -1.
        shifts: (g,) distinct codes; their order here does not matter, draws go by sorted code.
        shortfall: (g,) instrument by shift.
        strata: (g,) within which shifts are exchangeable.
        weights: (n,) of the rows, e.g. turns; 1 if not given.
        n_draws: permutations B.
        seed: of the permutations.

    Raises:
        NotIdentifiedError: no stratum has two shifts with different instruments, or no residual varies.
        ValueError: a row in a shift that is not listed, or a shift listed twice.
    """
    order = np.argsort(shifts, kind="stable")
    listed, z, stratum = shifts[order], shortfall[order], codes(strata[order])
    if np.any(listed[1:] == listed[:-1]):
        raise ValueError("a shift is listed twice")
    chosen = shift_of_row >= 0
    position = np.searchsorted(listed, shift_of_row[chosen])
    if np.any(position >= len(listed)) or np.any(listed[position] != shift_of_row[chosen]):
        raise ValueError("a row lies in a shift that is not listed")
    values = residuals[chosen] if weights is None else residuals[chosen] * weights[chosen]
    sums = _centred(np.bincount(position, weights=values, minlength=len(listed)).astype(np.float64), stratum)
    z = _centred(z, stratum)
    varies = np.bincount(stratum, weights=z**2)[stratum] > (RANK_TOLERANCE * np.abs(shortfall).max(initial=0.0)) ** 2
    if not varies.any():
        raise NotIdentifiedError("no stratum has two shifts with different instruments")
    z, sums, stratum = z[varies], sums[varies], codes(stratum[varies])
    if np.abs(sums).max() <= RANK_TOLERANCE * np.abs(values).max(initial=0.0):
        raise NotIdentifiedError("the residuals do not vary within strata")

    rng = np.random.default_rng(seed)
    by_stratum = np.argsort(stratum, kind="stable")
    drawn = np.empty((n_draws, len(z)))
    drawn[:, by_stratum] = z[np.argsort(stratum + rng.random((n_draws, len(z))), axis=1)]
    statistic, spread = float(z @ sums), float(np.sqrt(z**2 @ sums**2))
    statistics, spreads = drawn @ sums, np.sqrt(drawn**2 @ sums**2)
    studentised = np.divide(statistics, spreads, out=np.zeros(n_draws), where=spreads > 0)
    own = statistic / spread if spread > 0 else 0.0
    return PermutationTest(statistic, own, _p(statistic, statistics), _p(own, studentised), len(z), n_draws)


def _p(own: float, drawn: Floats) -> float:
    # A permutation that leaves the instrument as it is must count as equal despite rounding.
    return float((1 + np.sum(np.abs(drawn) >= abs(own) * (1 - 1e-12))) / (1 + len(drawn)))


def _centred(values: Floats, stratum: Integers) -> Floats:
    return values - (np.bincount(stratum, weights=values) / np.bincount(stratum))[stratum]
