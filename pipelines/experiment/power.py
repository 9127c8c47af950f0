"""How small an effect a sample can find, and how large a sample finds a given one. Pure."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
ALPHA = 0.05
POWER = 0.80
# A search for a sample size that needs more than this has no answer that helps.
MOST_UNITS = 10**12


def multiplier(df: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """Standard errors in a minimum detectable effect: t(1 - alpha/2) + t(power).

    Source: Bloom (1995), two-sided; Duflo, Glennerster and Kremer (2007), equation 7.

    Raises:
        ValueError: no degree of freedom is left.
    """
    if not df > 0:
        raise ValueError("A detectable effect needs at least one degree of freedom.")
    return float(stats.t.ppf(1 - alpha / 2, df) + stats.t.ppf(power, df))


def detectable_effect(se: float, df: float, alpha: float = ALPHA, power: float = POWER) -> float:
    """The smallest effect that a two-sided test with this standard error finds with this power."""
    if not (math.isfinite(se) and se >= 0):
        raise ValueError(f"A standard error must be a number of at least zero, not {se}.")
    return multiplier(df, alpha, power) * se


def power_at(effect: float, se: float, df: float, alpha: float = ALPHA) -> float:
    """Power of a two-sided t test: the noncentral t distribution (Cohen 1988, ch. 2).

    Far out, where SciPy's distribution gives no number, its normal approximation
    (Abramowitz and Stegun 1964, 26.7.10).
    """
    if not (se >= 0 and df > 0):
        raise ValueError("Power needs a standard error of at least zero and a degree of freedom.")
    if se == 0:
        return 1.0 if effect else alpha
    critical, shift = float(stats.t.ppf(1 - alpha / 2, df)), abs(effect) / se
    upper = float(stats.nct.sf(critical, df, shift))
    if not math.isfinite(upper):
        upper = float(stats.norm.sf((critical * (1 - 1 / (4 * df)) - shift) / math.sqrt(1 + critical**2 / (2 * df))))
    lower = float(stats.nct.cdf(-critical, df, shift))
    return min(1.0, upper + (lower if math.isfinite(lower) else 0.0))


def growth_needed(detectable: float, wanted: float) -> float:
    """By what factor a sample must grow so that the detectable effect falls to the wanted one.

    A standard error falls with the square root of independent observations; degrees of freedom stay.
    """
    if not wanted > 0:
        raise ValueError("The wanted effect must be above zero.")
    return (detectable / wanted) ** 2


def design_effect(mean_size: float, icc: float, size_cv: float = 0.0) -> float:
    """Variance inflation by clusters: 1 + ((1 + cv²) m - 1) rho.

    Source: Kish (1965); unequal sizes Eldridge, Ashby and Kerry (2006). Never below one here,
    so that a negative correlation, which a sample shows by chance, buys nothing.

    Args:
        mean_size: observations per cluster.
        icc: correlation of two observations of one cluster.
        size_cv: coefficient of variation of the clusters' sizes.
    """
    return max(1.0, 1 + ((1 + size_cv**2) * mean_size - 1) * max(icc, 0.0))


def intraclass_correlation(sizes: Floats, sums: Floats, squares: Floats) -> float:
    """The one-way analysis-of-variance estimate (Donner 1986), from each group's moments.

    Args:
        sizes: (k,) values per group.
        sums: (k,) their sums.
        squares: (k,) the sums of their squares.

    Raises:
        ValueError: fewer than two groups, no group with two values, or values that do not vary.
    """
    n, k = float(sizes.sum()), len(sizes)
    if k < 2 or n <= k:
        raise ValueError("A correlation within groups needs two groups and a group of two.")
    explained = float(np.sum(sums**2 / sizes))
    within = (float(squares.sum()) - explained) / (n - k)
    between = (explained - float(sums.sum()) ** 2 / n) / (k - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (k - 1)
    total = between + (typical - 1) * within
    if not total > 0:
        raise ValueError("Values that do not vary have no correlation.")
    return (between - within) / total


def repeated_variance(repeats: float, icc: float) -> float:
    """Variance of the mean of equally correlated measurements, in variances of one: (1 + (J - 1) rho) / J."""
    return (1 + (repeats - 1) * max(icc, 0.0)) / repeats


def two_arm_se(sd: float, n: float, share: float, inflation: float = 1.0) -> float:
    """Standard error of a difference of two means: sd sqrt(inflation / (n s (1 - s))).

    Source: Bloom (1995); Duflo, Glennerster and Kremer (2007), equation 7, and for groups its design effect.
    """
    if not 0 < share < 1:
        raise ValueError(f"The share must lie between 0 and 1, not be {share:g}.")
    return sd * math.sqrt(inflation / (n * share * (1 - share)))


def instrument_se(outcome_sd: float, exposure_sd: float, partial_r2: float, n: float, inflation: float = 1.0) -> float:
    """Standard error of two-stage least squares with one instrument: sd(y) / (sqrt(n) sd(x) r).

    Source: Wooldridge (2010), chapter 5. `partial_r2` is the first stage's, r².
    """
    if not 0 < partial_r2 <= 1:
        raise ValueError(f"The first stage's R² must lie between 0 and 1, not be {partial_r2:g}.")
    return outcome_sd * math.sqrt(inflation / (n * partial_r2)) / exposure_sd


def two_arm_units(wanted: float, sd: float, share: float, inflation: float = 1.0, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Smallest number of units whose two-arm comparison finds the wanted effect; None beyond any use.

    Degrees of freedom grow with the number: units - 2.
    """
    if not wanted > 0:
        raise ValueError("The wanted effect must be above zero.")

    def finds(n: int) -> bool:
        return detectable_effect(two_arm_se(sd, n, share, inflation), n - 2, alpha, power) <= wanted

    low, high = 3, 4
    while not finds(high):
        low, high = high, high * 2
        if high > MOST_UNITS:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if finds(middle) else (middle + 1, high)
    return low
