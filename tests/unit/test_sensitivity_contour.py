"""Gate G8 and its contour, on the survey of Cinelli and Hazlett (2020): violence in Darfur as broadcast, peace as the outcome."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.claim.linear import codes
from pipelines.claim.policy_shift import PolicyShift
from pipelines.claim.sample import Panel
from pipelines.claim.sensitivity import adjust
from pipelines.claim.sensitivity_gate import bias_scale, sensitivity
from pipelines.claim.system import Fitted, Setup, System, prepare

DATA = Path(__file__).parents[1] / "golden" / "known_answers" / "darfur.csv.gz"
# b, se, df and the robustness value of their table 1; the bounds at 1, 2 and 3 times female of their figure 3.
B, SE, DF, RV = 0.0973, 0.0233, 783, 0.1388
PUBLISHED = {1: (0.0092, 0.1246, 0.0752), 2: (0.0183, 0.2493, 0.0529), 3: (0.0275, 0.3741, 0.0304)}
SHIFT = PolicyShift(0.0, 1.0, 0.0, 1.0, contact_rate=0.0)
FOUR = 6e-5


def darfur(more: dict[str, np.ndarray] | None = None) -> Panel:
    survey = pd.read_csv(DATA)
    village = codes(survey["village"].to_numpy(dtype=str))
    zeros, n = np.zeros(len(survey)), len(survey)
    named = {"n_severity_1": "female", "n_severity_2": "age", "n_severity_3": "farmer_dar", "n_severity_4": "herder_dar",
             "n_severity_5": "pastvoted", "targeting_score": "hhsize_darfur"}  # fmt: skip
    columns = {ours: survey[theirs].to_numpy(dtype=float) for ours, theirs in named.items()} | (more or {})
    return Panel(
        customer=village, brand=np.zeros(n, dtype=np.int64), week=np.arange(n), turns=zeros, responsiveness=zeros,
        broadcast={0.5: survey["directlyharmed"].to_numpy(dtype=float)}, broadcast_reach="customer",
        outcome=survey["peacefactor"].to_numpy(dtype=float), shift=None, slot=None, columns=columns, first_week=None, last_week=None,
    )  # fmt: skip


def system_of(panel: Panel) -> System:
    return prepare(panel, Setup("adjusted", "adjusted", ("customer",)), (0.5,))


def fitted(se: float) -> Fitted:
    """Delta is minus broadcast's coefficient here: the shift of responsiveness counts for nothing."""
    return Fitted(np.array([0.0, B]), np.diag([0.0, se**2]), DF, "given", 1276, 486, None, 0.01)


def test_the_scale_is_the_standard_error_times_the_root_of_the_degrees_of_freedom() -> None:
    assert bias_scale(system_of(darfur()), 0.5, fitted(SE)) == pytest.approx(SE * np.sqrt(DF), rel=3e-3)


def test_the_contour_holds_the_published_bounds_and_robustness_value() -> None:
    found = sensitivity(system_of(darfur()), 0.5, fitted(SE), SHIFT, 0.01)
    stands, *points = found.points
    assert (stands.multiple, stands.delta, stands.move) == (0, pytest.approx(-B), 0)
    assert stands.robustness_value == pytest.approx(RV, abs=3e-4)
    of_female = {point.multiple: point for point in points if point.benchmark == "n_severity_1"}
    for times, (r2_broadcast, r2_outcome, adjusted) in PUBLISHED.items():
        point = of_female[times]
        assert (point.r2_broadcast, point.r2_outcome) == pytest.approx((r2_broadcast, r2_outcome), abs=FOUR)
        # Delta is minus theirs, and is pushed towards zero as theirs is.
        assert -point.delta == pytest.approx(adjusted, abs=2e-4)
        assert point.is_strongest
    assert [point.benchmark for point in points if point.is_assignment] == ["targeting_score"] * 3


@pytest.mark.parametrize(("se", "passes"), [(SE, True), (0.04, False), (0.2, True)])
def test_the_gate_reads_the_strongest_benchmark_once(se: float, passes: bool) -> None:
    # 0.0752 less 1.96 * 0.0233 is above 0; less 1.96 * 0.04 it is not; and what is uncertain from the start can't be undone.
    checks = {check.check_id: check for check in sensitivity(system_of(darfur()), 0.5, fitted(se), SHIFT, 0.01).checks}
    gate, score = checks["C1|sensitivity"], checks["C1|sensitivity_to_targeting"]
    assert gate.passed is passes
    assert gate.value == pytest.approx(-0.0752, abs=2e-4)
    assert (gate.blocking, score.blocking) == (True, False)
    assert gate.statistic.endswith("as strong as n severity 1")


def test_the_interval_has_a_robustness_value_of_its_own() -> None:
    stands = sensitivity(system_of(darfur()), 0.5, fitted(SE), SHIFT, 0.01).points[0]
    strength = stands.robustness_value_interval
    assert 0 < strength < stands.robustness_value
    left = adjust(B, SE, DF, strength, strength).estimate
    assert left == pytest.approx(stands.half_width, rel=1e-2)
    assert sensitivity(system_of(darfur()), 0.5, fitted(0.2), SHIFT, 0.01).points[0].robustness_value_interval == 0


def test_there_is_no_contour_where_a_hidden_cause_can_t_be_told_or_can_t_matter() -> None:
    panel = darfur()
    by_brand = replace(system_of(panel), panel=replace(panel, broadcast_reach="brand"))
    by_lot = replace(system_of(panel), setup=Setup("adjusted", "experiment", ("customer",)))
    constant = system_of(replace(panel, broadcast={0.5: np.ones(len(panel))}))
    for system in (by_brand, by_lot, constant):
        found = sensitivity(system, 0.5, fitted(SE), SHIFT, 0.01)
        assert (found.checks, found.points) == ([], [])
