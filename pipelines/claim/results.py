"""What estimators hand over: rows of `claim.effect_estimates` and `claim.robustness_checks`."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from scipy import stats

# (1.96 + 0.84) standard errors: two-sided 5 %, power 80 % (Cohen 1988).
MDE_STANDARD_ERRORS = 2.8

Lever = str
Quantity = Literal["beta", "theta", "delta", "kappa_star", "lambda", "effect", "peak"]
CheckKind = Literal["identification", "balance", "placebo", "permutation", "spec", "sensitivity", "sim", "dq"]


@dataclass(frozen=True)
class EffectEstimate:
    """One estimate; `None` where it can't be computed. Field order is the table's column order.

    `p` is against zero; `p_claim` is that of a secondary claim's deciding row, for Holm's correction.
    `more_is_better` is set for secondary outcomes of a claim only: whether a rise is good, as of sales, or bad, as of churn.
    """

    estimate_id: str
    claim_id: str
    lever: Lever
    quantity: Quantity
    outcome: str
    estimator: str
    spec_id: str
    design: str
    evidence_grade_r: str
    evidence_grade_b: str
    is_primary: bool
    is_naive: bool
    unit: str
    estimate: float | None = None
    se: float | None = None
    se_type: str | None = None
    df: float | None = None
    ci95_lo: float | None = None
    ci95_hi: float | None = None
    ci90_lo: float | None = None
    ci90_hi: float | None = None
    p: float | None = None
    q_bh: float | None = None
    p_claim: float | None = None
    more_is_better: bool | None = None
    cov_rb: float | None = None
    mde: float | None = None
    scale_p25: float | None = None
    scale_p75: float | None = None
    contact_rate: float | None = None
    n_obs: int | None = None
    n_customers: int | None = None
    n_tickets: int | None = None
    n_shifts: int | None = None
    n_clusters_1: int | None = None
    n_clusters_2: int | None = None
    max_cluster_share: float | None = None
    f_eff: float | None = None
    ar_lo: float | None = None
    ar_hi: float | None = None
    window_start: date | None = None
    window_end: date | None = None


@dataclass(frozen=True)
class Check:
    """One check of a claim. Field order is the table's column order."""

    check_id: str
    gate_code: str
    claim_id: str
    estimate_id: str | None
    kind: CheckKind
    statistic: str
    value: float | None
    threshold: float | None
    passed: bool
    blocking: bool
    detail: str
    p: float | None = None
    lo: float | None = None
    hi: float | None = None


@dataclass(frozen=True)
class DesignOffer:
    """One design that was considered for one lever of a claim. Field order is the table's column order.

    Args:
        claim_id, lever: what it is for.
        position: from 1, strongest first within each lever.
        design, label: name in the plan, and for readers.
        evidence_grade: A (randomised) to D (descriptive).
        is_offered: whether the data allow it.
        is_used: whether the primary estimate rests on it.
        reason: why it is offered or not.
        to_record: what to record to get it; empty where it is offered.
    """

    claim_id: str
    position: int
    lever: str
    design: str
    label: str
    evidence_grade: str
    is_offered: bool
    is_used: bool
    reason: str
    to_record: str


@dataclass(frozen=True)
class Interval:
    """A pair of intervals with the p-value against zero."""

    ci95_lo: float
    ci95_hi: float
    ci90_lo: float
    ci90_hi: float
    p: float

    def times(self, factor: float) -> "Interval":
        """The intervals of a multiple."""
        (lo95, hi95), (lo90, hi90) = (
            sorted((factor * lo, factor * hi)) for lo, hi in ((self.ci95_lo, self.ci95_hi), (self.ci90_lo, self.ci90_hi))
        )
        return Interval(lo95, hi95, lo90, hi90, self.p)


def t_interval(estimate: float, se: float, df: float) -> Interval:
    """Student-t intervals of 95 and 90 % and the two-sided p-value against zero."""
    wide, narrow = (float(stats.t.ppf(level, df)) * se for level in (0.975, 0.95))
    p = float(2 * stats.t.sf(abs(estimate) / se, df)) if se > 0 else 0.0
    return Interval(estimate - wide, estimate + wide, estimate - narrow, estimate + narrow, p)
