"""The pre-registered rule of claim C1 in Python, for simulations. The rule that decides is the SQL of claim_verdict.

A test holds both to the same answers.
"""

from dataclasses import dataclass

from pipelines.claim.results import Check, EffectEstimate

SUPPORTED_CODES = ("strong", "supported")
CONTRADICTED_CODES = ("null", "reverse", "tie")
DATA_QUALITY_GATES = ("G9",)
IDENTIFICATION_GATES = ("G1", "G2", "G3", "G4", "G5", "G6")
FRAGILITY_GATES = ("G7", "G8")
WEAKEST_GRADE_R, WEAKEST_GRADE_B = "B", "C"


@dataclass(frozen=True)
class Decision:
    """The rule's answer.

    Args:
        verdict: supported, contradicted or inconclusive.
        reason_code: the first code that held.
    """

    verdict: str
    reason_code: str


def decide(delta: EffectEstimate | None, theta_r: EffectEstimate | None, checks: list[Check], smallest_effect: float) -> Decision:
    """Try the codes in their order: data_quality, identification, fragile, null, reverse, strong, supported, tie, wide.

    Args:
        delta, theta_r: primary rows of C1; None where there is none.
        checks: its checks; those that do not block are passed over.
        smallest_effect: m.
    """
    failed = {check.gate_code for check in checks if check.blocking and not check.passed}
    code = _code(delta, theta_r, failed, smallest_effect)
    if code in SUPPORTED_CODES:
        return Decision("supported", code)
    return Decision("contradicted" if code in CONTRADICTED_CODES else "inconclusive", code)


def _code(delta: EffectEstimate | None, theta_r: EffectEstimate | None, failed: set[str], m: float) -> str:
    if failed.intersection(DATA_QUALITY_GATES) or delta is None or delta.estimate is None or delta.se is None:
        return "data_quality"
    grades_suffice = delta.evidence_grade_r <= WEAKEST_GRADE_R and delta.evidence_grade_b <= WEAKEST_GRADE_B
    if failed.intersection(IDENTIFICATION_GATES) or not grades_suffice:
        return "identification"
    if failed.intersection(FRAGILITY_GATES):
        return "fragile"
    return _reading(delta, theta_r, m)


def _reading(delta: EffectEstimate, theta_r: EffectEstimate | None, m: float) -> str:
    """What the numbers say once the gates are passed."""
    assert delta.estimate is not None
    lo, hi, narrow_lo, narrow_hi = _known(delta)
    if theta_r is not None and theta_r.estimate is not None:
        theta_lo, _, theta_narrow_lo, theta_narrow_hi = _known(theta_r)
        if theta_narrow_lo > -m and theta_narrow_hi < m:
            return "null"
    else:
        theta_lo = None
    if hi < 0 and delta.estimate <= -m:
        return "reverse"
    if lo > 0 and delta.estimate >= m and theta_lo is not None and theta_lo > 0:
        return "strong" if lo > m else "supported"
    return "tie" if narrow_lo > -m and narrow_hi < m else "wide"


def _known(row: EffectEstimate) -> tuple[float, float, float, float]:
    ends = (row.ci95_lo, row.ci95_hi, row.ci90_lo, row.ci90_hi)
    if any(end is None for end in ends):
        raise ValueError(f"{row.estimate_id} has an estimate without intervals")
    return ends  # ty: ignore[invalid-explicit-return]
