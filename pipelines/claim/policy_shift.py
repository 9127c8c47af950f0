"""Two levers in one unit: what moving each from its 25th to its 75th percentile does."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, codes
from pipelines.claim.sample import Panel


@dataclass(frozen=True)
class PolicyShift:
    """Percentiles of both levers, treated as fixed, and how often customers make contact.

    Args:
        responsiveness_p25, responsiveness_p75: weekly mean responsiveness, in halvings of the reply time.
        broadcast_p25, broadcast_p75: weekly broadcast lever, in its own unit.
        contact_rate: turns per customer-week over the whole base.
    """

    responsiveness_p25: float
    responsiveness_p75: float
    broadcast_p25: float
    broadcast_p75: float
    contact_rate: float

    @property
    def weights(self) -> Floats:
        """(2,) factors that turn (beta_R, beta_B) into (theta_R, theta_B)."""
        return np.array(
            [
                self.contact_rate * (self.responsiveness_p75 - self.responsiveness_p25),
                self.broadcast_p75 - self.broadcast_p25,
            ]
        )


def policy_shift_of(panel: Panel, rate: float, min_turns: int) -> PolicyShift | None:
    """The shift of a panel whose weeks were all watched in full.

    Percentiles by linear interpolation within brand, over weeks with at least `min_turns` turns, then averaged by
    customer-weeks; broadcast is the mean over all customers of the brand's week.

    Args:
        panel: the sample.
        rate: adstock rate of the broadcast lever.
        min_turns: least turns of a week that counts.

    Returns:
        None where no brand has such a week.
    """
    if not len(panel):
        return None
    cell = codes(panel.brand * (int(panel.week.max()) + 1) + panel.week)
    brand = np.zeros(int(cell.max()) + 1, dtype=np.int64)
    brand[cell] = panel.brand
    rows, turns = np.bincount(cell), np.bincount(cell, weights=panel.turns)
    used = turns >= min_turns
    responsiveness = np.divide(np.bincount(cell, weights=panel.responsiveness), turns, out=np.zeros(len(turns)), where=used)
    broadcast = np.bincount(cell, weights=panel.broadcast[rate]) / rows
    found, weights = [], []
    for each in np.unique(brand[used]):
        weeks = used & (brand == each)
        found.append([*np.percentile(responsiveness[weeks], [25, 75]), *np.percentile(broadcast[weeks], [25, 75])])
        weights.append(float((panel.brand == each).sum()))
    if not found:
        return None
    ends = np.average(found, axis=0, weights=weights)
    return PolicyShift(*(float(end) for end in ends), contact_rate=float(panel.turns.sum() / len(panel)))


@dataclass(frozen=True)
class Contrast:
    """theta_R, theta_B and Delta = theta_R - theta_B, per customer-week over the whole base."""

    theta_r: float
    theta_b: float
    se_r: float
    se_b: float
    cov_rb: float

    @property
    def delta(self) -> float:
        return self.theta_r - self.theta_b

    @property
    def delta_se(self) -> float:
        return sqrt(max(self.se_r**2 + self.se_b**2 - 2 * self.cov_rb, 0.0))


def contrast(coefficients: Floats, covariance: Floats, shift: PolicyShift) -> Contrast:
    """Carry (beta_R, beta_B), from one joint system, over to the policy shift.

    Args:
        coefficients: (2,) beta_R and beta_B.
        covariance: (2, 2) of them.
        shift: the percentiles and the contact rate.
    """
    theta = shift.weights * coefficients
    spread = np.outer(shift.weights, shift.weights) * covariance
    return Contrast(float(theta[0]), float(theta[1]), sqrt(spread[0, 0]), sqrt(spread[1, 1]), float(spread[0, 1]))


def fieller_interval(c: Contrast, df: float, level: float = 0.95) -> tuple[float, float] | None:
    """Confidence set of the break-even cost ratio theta_R / theta_B (Fieller 1954).

    Returns:
        Its ends, or None where theta_B's own interval covers 0: then no finite ratio exists.
    """
    t = float(stats.t.ppf((1 + level) / 2, df))
    a = c.theta_b**2 - t**2 * c.se_b**2
    if a <= 0:
        return None
    b = c.theta_r * c.theta_b - t**2 * c.cov_rb
    root = sqrt(max(b**2 - a * (c.theta_r**2 - t**2 * c.se_r**2), 0.0))
    return (b - root) / a, (b + root) / a
