"""How strong an unobserved confounder would have to be: partial R2, robustness values, benchmarks (Cinelli and Hazlett 2020)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, NotIdentifiedError


@dataclass(frozen=True)
class Adjusted:
    """An estimate as it would be given an unobserved confounder.

    Args:
        r2_treatment: partial R2 of the confounder with the treatment.
        r2_outcome: partial R2 of the confounder with the outcome.
        estimate, se: adjusted.
        ci_lo, ci_hi: adjusted interval.
    """

    r2_treatment: float
    r2_outcome: float
    estimate: float
    se: float
    ci_lo: float
    ci_hi: float


def partial_r2(estimate: float, se: float, df: float) -> float:
    """Share of the residual variance that a regressor explains: t^2 / (t^2 + df)."""
    t2 = _t(estimate, se, df) ** 2
    return t2 / (t2 + df)


def robustness_value(estimate: float, se: float, df: float, q: float = 1.0, alpha: float | None = None) -> float:
    """Strength, equal for treatment and outcome, that takes away a share q of the estimate.

    Args:
        estimate, se, df: of the coefficient, by classical least squares.
        q: share of the estimate.
        alpha: where given, strength that makes the rest insignificant at this level instead.

    Raises:
        NotIdentifiedError: no standard error or no degrees of freedom.
    """
    f = q * abs(_t(estimate, se, df)) / sqrt(df)
    critical = 0.0 if alpha is None else float(stats.t.ppf(1 - alpha / 2, df - 1)) / sqrt(df - 1)
    left = f - critical
    if left <= 0:
        return 0.0
    if critical and f > 1 / critical:
        # The bound on the outcome's side is met at R2 = 1 already, as in the authors' `sensemakr`.
        return (f**2 - critical**2) / (1 + f**2)
    return (sqrt(left**4 + 4 * left**2) - left**2) / 2


def adjust(
    estimate: float, se: float, df: float, r2_treatment: float, r2_outcome: float, level: float = 0.95, reduce: bool = True
) -> Adjusted:
    """Estimate, standard error and interval given a confounder's strength.

    bias = se sqrt(df) sqrt(r2_outcome r2_treatment / (1 - r2_treatment)).

    Args:
        estimate, se, df: of the coefficient, by classical least squares.
        r2_treatment, r2_outcome: the confounder's partial R2, the first below 1.
        level: of the interval.
        reduce: whether the confounder draws the estimate towards (and past) zero, or away from it.

    Raises:
        NotIdentifiedError: no standard error or no degrees of freedom.
        ValueError: a partial R2 outside [0, 1), or above 1 for the outcome.
    """
    _t(estimate, se, df)
    if not (0 <= r2_treatment < 1 and 0 <= r2_outcome <= 1):
        raise ValueError("a partial R2 lies in [0, 1], that of the treatment below 1")
    bias = se * sqrt(df) * sqrt(r2_outcome * r2_treatment / (1 - r2_treatment))
    sign = -1.0 if estimate < 0 else 1.0
    adjusted = sign * (abs(estimate) - bias if reduce else abs(estimate) + bias)
    adjusted_se = se * sqrt((1 - r2_outcome) / (1 - r2_treatment)) * sqrt(df / (df - 1))
    half = float(stats.t.ppf((1 + level) / 2, df - 1)) * adjusted_se
    return Adjusted(r2_treatment, r2_outcome, adjusted, adjusted_se, adjusted - half, adjusted + half)


def benchmark_strength(r2_treatment: float, r2_outcome: float, kd: float, ky: float) -> tuple[float, float]:
    """Strength of a confounder kd and ky times as strong as an observed covariate.

    Args:
        r2_treatment: partial R2 of the covariate with the treatment, given the other covariates.
        r2_outcome: partial R2 of the covariate with the outcome, given treatment and the other covariates.
        kd, ky: multiples.

    Returns:
        The confounder's partial R2 with treatment and outcome, the second at most 1.

    Raises:
        NotIdentifiedError: a confounder that strong can't exist beside the covariate.
    """
    if not (0 <= r2_treatment < 1 and 0 <= r2_outcome < 1):
        raise NotIdentifiedError("the covariate explains all of the treatment or the outcome")
    treatment = kd * r2_treatment / (1 - r2_treatment)
    if treatment >= 1 or kd * r2_treatment >= 1:
        raise NotIdentifiedError("no confounder can be that many times as strong with the treatment")
    shared = kd * r2_treatment**2 / ((1 - kd * r2_treatment) * (1 - r2_treatment))
    if shared >= 1:
        raise NotIdentifiedError("no confounder can be that many times as strong with the treatment")
    outcome = ((sqrt(ky) + sqrt(shared)) / sqrt(1 - shared)) ** 2 * r2_outcome / (1 - r2_outcome)
    return treatment, min(outcome, 1.0)


def contour(estimate: float, se: float, df: float, r2_treatment: Floats, r2_outcome: Floats, reduce: bool = True) -> Floats:
    """Adjusted estimates over a grid of strengths, (len(r2_outcome), len(r2_treatment))."""
    _t(estimate, se, df)
    bias = se * sqrt(df) * np.sqrt(np.outer(r2_outcome, r2_treatment / (1 - r2_treatment)))
    sign = -1.0 if estimate < 0 else 1.0
    return sign * (abs(estimate) - bias if reduce else abs(estimate) + bias)


def _t(estimate: float, se: float, df: float) -> float:
    if not se > 0:
        raise NotIdentifiedError("no standard error")
    if not df > 1:
        raise NotIdentifiedError("no degrees of freedom")
    return estimate / se
