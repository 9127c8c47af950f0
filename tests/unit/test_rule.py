"""The rule in Python: one case for each branch, in the order in which the branches are tried."""

from dataclasses import replace

import pytest

from pipelines.claim.results import Check, EffectEstimate
from pipelines.claim.rule import decide

M = 0.01
ROW = EffectEstimate(
    estimate_id="e", claim_id="C1", lever="contrast", quantity="delta", outcome="y", estimator="2sls", spec_id="s", design="roster",
    evidence_grade_r="B", evidence_grade_b="C", is_primary=True, is_naive=False, unit="EUR",
)  # fmt: skip


def row(estimate: float, half95: float, **changes: object) -> EffectEstimate:
    """An estimate whose 90 % interval is 0.84 of the 95 % one."""
    half90 = 0.84 * half95
    ends = {"ci95_lo": estimate - half95, "ci95_hi": estimate + half95, "ci90_lo": estimate - half90, "ci90_hi": estimate + half90}
    return replace(ROW, estimate=estimate, se=half95 / 1.96, **ends, **changes)


def gate(code: str, passed: bool = False, blocking: bool = True) -> Check:
    return Check(code, code, "C1", None, "dq", "", None, None, passed, blocking, "")


SURE = row(0.03, 0.005)
SURE_R = row(0.03, 0.005, quantity="theta", lever="responsiveness")


@pytest.mark.parametrize(
    ("delta", "theta_r", "checks", "code"),
    [
        (SURE, SURE_R, [gate("G9"), gate("G2")], "data_quality"),
        (None, SURE_R, [], "data_quality"),
        (replace(SURE, estimate=None), SURE_R, [], "data_quality"),
        (SURE, SURE_R, [gate("G2"), gate("G7")], "identification"),
        (replace(SURE, evidence_grade_r="C"), SURE_R, [], "identification"),
        (replace(SURE, evidence_grade_b="D"), SURE_R, [], "identification"),
        (SURE, SURE_R, [gate("G8")], "fragile"),
        (SURE, SURE_R, [gate("G8", blocking=False)], "strong"),
        (SURE, row(0.0, 0.009), [], "null"),
        (row(-0.03, 0.005), SURE_R, [], "reverse"),
        (row(-0.009, 0.005), SURE_R, [], "wide"),
        (SURE, SURE_R, [gate("G1", passed=True)], "strong"),
        (row(0.012, 0.005), SURE_R, [], "supported"),
        (row(0.009, 0.0085), SURE_R, [], "wide"),
        (SURE, row(0.03, 0.031), [], "wide"),
        (SURE, None, [], "wide"),
        (row(0.001, 0.01), SURE_R, [], "tie"),
        (row(0.001, 0.02), SURE_R, [], "wide"),
    ],
)
def test_the_first_code_that_holds_decides(
    delta: EffectEstimate | None, theta_r: EffectEstimate | None, checks: list[Check], code: str
) -> None:
    found = decide(delta, theta_r, checks, M)
    assert found.reason_code == code
    wanted = {"strong": "supported", "supported": "supported", "null": "contradicted", "reverse": "contradicted", "tie": "contradicted"}
    assert found.verdict == wanted.get(code, "inconclusive")
