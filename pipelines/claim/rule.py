"""The pre-registered rule of claim C1 in Python, for simulations. The rule that decides is the SQL of claim_verdict.

A test holds both to the same answers. What is not known is never true, as in SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from pipelines.claim.multiplicity import holm
from pipelines.claim.results import Check, EffectEstimate

SUPPORTED_CODES = ("strong", "supported")
CONTRADICTED_CODES = ("null", "reverse", "tie")
DATA_QUALITY_GATES = ("G9",)
IDENTIFICATION_GATES = ("G1", "G2", "G3", "G4", "G5", "G6")
FRAGILITY_GATES = ("G7", "G8")
WEAKEST_GRADE_R, WEAKEST_GRADE_B = "B", "C"
SECONDARY_ALPHA = 0.05


@dataclass(frozen=True)
class Decision:
    """The rule's answer.

    Args:
        verdict: supported, contradicted or inconclusive.
        reason_code: the first code that held.
    """

    verdict: str
    reason_code: str


def decide(
    delta: EffectEstimate | None,
    theta_r: EffectEstimate | None,
    checks: list[Check],
    smallest_effect: float,
    return_per_cost: EffectEstimate | None = None,
    secondary: Sequence[EffectEstimate] = (),
) -> Decision:
    """Try the codes in their order.

    data_quality, identification, fragile, yardstick_conflict, null, reverse, strong, supported, tie, wide.

    Args:
        delta, theta_r: primary rows of C1; None where there is none.
        checks: its checks; those that do not block are passed over.
        smallest_effect: m.
        return_per_cost: primary row of Lambda; None without cost data.
        secondary: rows of C1; those with `more_is_better` are secondary outcomes.
    """
    failed = {check.gate_code for check in checks if check.blocking and not check.passed}
    code = _code(delta, theta_r, failed, smallest_effect, return_per_cost, secondary)
    if code in SUPPORTED_CODES:
        return Decision("supported", code)
    return Decision("contradicted" if code in CONTRADICTED_CODES else "inconclusive", code)


def _code(
    delta: EffectEstimate | None,
    theta_r: EffectEstimate | None,
    failed: set[str],
    m: float,
    return_per_cost: EffectEstimate | None,
    secondary: Sequence[EffectEstimate],
) -> str:
    if failed.intersection(DATA_QUALITY_GATES) or delta is None or not _is_number(delta.estimate) or not _is_number(delta.se):
        return "data_quality"
    grades_suffice = delta.evidence_grade_r <= WEAKEST_GRADE_R and delta.evidence_grade_b <= WEAKEST_GRADE_B
    if failed.intersection(IDENTIFICATION_GATES) or not grades_suffice:
        return "identification"
    reading = _reading(delta, theta_r, m)
    if failed.intersection(FRAGILITY_GATES) or opposing_outcomes(reading, secondary):
        return "fragile"
    if return_per_cost is not None and return_per_cost.estimate is not None:
        assert delta.estimate is not None
        if np.sign(return_per_cost.estimate) != np.sign(delta.estimate):
            return "yardstick_conflict"
    return reading


def opposing_outcomes(reading: str, secondary: Sequence[EffectEstimate]) -> list[str]:
    """Secondary outcomes that point against what the primary one says, significant at 5 % by Holm among themselves.

    Args:
        reading: code that the primary outcome's numbers say.
        secondary: rows of one claim.

    Returns:
        Names of outcomes, sorted: those that speed harms where it is said to do good, and those that it does good to
        where it is said to do harm or nothing. None where the primary outcome says nothing of a direction.
    """
    says_good = {"strong": True, "supported": True, "null": False, "reverse": False}.get(reading)
    told = [row for row in secondary if row.more_is_better is not None and row.estimate is not None and row.p is not None]
    if says_good is None or not told:
        return []
    adjusted = holm(np.array([row.p for row in told], dtype=np.float64))
    return sorted(
        row.outcome
        for row, p in zip(told, adjusted, strict=True)
        if p < SECONDARY_ALPHA and row.estimate is not None and ((row.estimate > 0) == row.more_is_better) != says_good
    )


def _reading(delta: EffectEstimate, theta_r: EffectEstimate | None, m: float) -> str:
    """What the numbers say once the gates are passed."""
    lo, hi = delta.ci95_lo, delta.ci95_hi
    theta_lo, theta_narrow = (theta_r.ci95_lo, (theta_r.ci90_lo, theta_r.ci90_hi)) if theta_r is not None else (None, (None, None))
    if _above(theta_narrow[0], -m) and _below(theta_narrow[1], m):
        return "null"
    if _below(hi, 0) and not _above(delta.estimate, -m):
        return "reverse"
    if _above(lo, 0) and not _below(delta.estimate, m) and _above(theta_lo, 0):
        return "strong" if _above(lo, m) else "supported"
    return "tie" if _above(delta.ci90_lo, -m) and _below(delta.ci90_hi, m) else "wide"


def _is_number(value: float | None) -> bool:
    return value is not None and isfinite(value)


def _above(value: float | None, bound: float) -> bool:
    return value is not None and value > bound


def _below(value: float | None, bound: float) -> bool:
    return value is not None and value < bound
