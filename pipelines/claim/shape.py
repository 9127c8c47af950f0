"""Shapes of an effect: no difference worth having, and a peak or trough within the data."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from scipy import stats

from pipelines.claim.confidence_set import ConfidenceSet, ratio_set
from pipelines.claim.linear import Floats, NotIdentifiedError


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests.

    Args:
        p_lower: against an effect at or below -margin.
        p_upper: against an effect at or above +margin.
        ci_lo, ci_hi: interval of level 1 - 2 alpha; inside the margins exactly where both tests reject.
        is_equivalent: whether both reject at alpha.
    """

    p_lower: float
    p_upper: float
    ci_lo: float
    ci_hi: float
    is_equivalent: bool

    @property
    def p(self) -> float:
        return max(self.p_lower, self.p_upper)


@dataclass(frozen=True)
class Curve:
    """The shape of a quadratic over the range of the data.

    Args:
        kind: the shape that the coefficients suggest.
        slope_lo, slope_hi: slopes at the two ends of the range.
        se_lo, se_hi: their standard errors.
        p: against a monotone curve or the opposite shape; above .5 where the extremum lies outside the range.
        peak: the extremum, in units of the regressor.
        peak_se: by the delta method.
        peak_ci_lo, peak_ci_hi: interval by the delta method.
        peak_set: Fieller set.
    """

    kind: Literal["u", "inverted_u"]
    slope_lo: float
    slope_hi: float
    se_lo: float
    se_hi: float
    p: float
    peak: float
    peak_se: float
    peak_ci_lo: float
    peak_ci_hi: float
    peak_set: ConfidenceSet


def equivalence(estimate: float, se: float, df: float, margin: float, alpha: float = 0.05) -> Equivalence:
    """Two one-sided t tests that an effect is smaller than a margin either way (Schuirmann 1987).

    Raises:
        NotIdentifiedError: no standard error, degrees of freedom or margin.
    """
    if not (se > 0 and df > 0 and margin > 0):
        raise NotIdentifiedError("no standard error, degrees of freedom or margin")
    p_lower = float(stats.t.sf((estimate + margin) / se, df))
    p_upper = float(stats.t.cdf((estimate - margin) / se, df))
    half = float(stats.t.ppf(1 - alpha, df)) * se
    return Equivalence(p_lower, p_upper, estimate - half, estimate + half, max(p_lower, p_upper) < alpha)


def quadratic_shape(coefficients: Floats, covariance: Floats, lowest: float, highest: float, df: float, level: float = 0.95) -> Curve:
    """Whether b1 x + b2 x^2 turns within the data (Lind and Mehlum 2010).

    The slopes b1 + 2 b2 x at both ends must differ from zero, with opposite signs: the p-value is the larger of
    the two one-sided ones (Sasabuchi 1980). The peak is -b1 / (2 b2), its set is Fieller's.

    Args:
        coefficients: (2,) b1 and b2.
        covariance: (2, 2).
        lowest, highest: range of x in the data.
        df: degrees of freedom of t.
        level: of the intervals of the peak.

    Raises:
        NotIdentifiedError: no range, no standard error, or no curvature at all.
    """
    b1, b2 = (float(b) for b in coefficients)
    if not lowest < highest or df <= 0:
        raise NotIdentifiedError("no range or no degrees of freedom")
    if b2 == 0:
        raise NotIdentifiedError("no curvature")
    slopes = [b1 + 2 * b2 * end for end in (lowest, highest)]
    ses = [sqrt(max(_spread(covariance, np.array([1.0, 2 * end])), 0.0)) for end in (lowest, highest)]
    if min(ses) == 0:
        raise NotIdentifiedError("no standard error at an end of the range")
    # An inverted U rises at its low end and falls at its high end.
    rises = 1.0 if b2 < 0 else -1.0
    p = max(float(stats.t.sf(rises * slopes[0] / ses[0], df)), float(stats.t.sf(-rises * slopes[1] / ses[1], df)))
    peak = -b1 / (2 * b2)
    peak_se = sqrt(max(_spread(covariance, np.array([-1 / (2 * b2), b1 / (2 * b2**2)])), 0.0))
    t = float(stats.t.ppf((1 + level) / 2, df))
    turned = np.diag([-1.0, 2.0])
    return Curve(
        kind="inverted_u" if b2 < 0 else "u",
        slope_lo=slopes[0],
        slope_hi=slopes[1],
        se_lo=ses[0],
        se_hi=ses[1],
        p=p,
        peak=peak,
        peak_se=peak_se,
        peak_ci_lo=peak - t * peak_se,
        peak_ci_hi=peak + t * peak_se,
        peak_set=ratio_set(turned @ coefficients, turned @ covariance @ turned, t**2),
    )


def _spread(covariance: Floats, weights: Floats) -> float:
    return float(weights @ covariance @ weights)
