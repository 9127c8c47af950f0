"""Confidence sets of ratios, which need not be intervals."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

from pipelines.claim.linear import Floats


@dataclass(frozen=True)
class ConfidenceSet:
    """A set of values not rejected: `[lo, hi]`, everything outside `(lo, hi)` for `rays`, or the whole `line`."""

    kind: Literal["interval", "rays", "line"]
    lo: float
    hi: float

    def contains(self, value: float) -> bool:
        if self.kind == "line":
            return True
        if self.kind == "interval":
            return self.lo <= value <= self.hi
        return value <= self.lo or value >= self.hi


def ratio_set(estimates: Floats, covariance: Floats, critical: float) -> ConfidenceSet:
    """Values r with (a - r b)^2 <= critical (V_aa - 2 r V_ab + r^2 V_bb), for estimates a and b (Fieller 1954).

    Args:
        estimates: (2,) numerator a and denominator b.
        covariance: (2, 2) V of them.
        critical: squared critical value of t.
    """
    square = float(estimates[1] ** 2 - critical * covariance[1, 1])
    half_linear = float(estimates[0] * estimates[1] - critical * covariance[0, 1])
    constant = float(estimates[0] ** 2 - critical * covariance[0, 0])
    discriminant = half_linear**2 - square * constant
    if square == 0 or (square < 0 and discriminant <= 0):
        return ConfidenceSet("line", -inf, inf)
    # Where square > 0 the ratio itself is in the set, so a negative discriminant is rounding error.
    root = sqrt(max(discriminant, 0.0))
    lo, hi = sorted(((half_linear - root) / square, (half_linear + root) / square))
    return ConfidenceSet("interval" if square > 0 else "rays", lo, hi)
