"""The sample-ratio mismatch of trials: a published p-value, what it is held against, and when it decides."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import yaml

from pipelines.claim.designs import Choice, Offer
from pipelines.claim.results import EffectEstimate
from pipelines.claim.sample_ratio import SRM_ALPHA, TrialArms, sample_ratio_checks, sample_ratio_p
from pipelines.claim_samples import read_trial_arms
from pipelines.errors import ConfigError
from pipelines.estimation import levers_by_lot
from pipelines.paths import DEFAULT_PLAN
from pipelines.plan import load_plan
from pipelines.report.sections import gate_lines
from tests.report_snapshots import check_row

HOLDOUT = TrialArms("crm", "holdout-1", "broadcast", "customer", n_first=480, n_other=4_520, n_assigned_first=500, n_assigned_other=4_500)


def test_a_published_p_value() -> None:
    """Kohavi, Tang and Xu (2020), ch. 21: 821,588 and 815,482 users where half was planned, p = 1.8e-6."""
    assert sample_ratio_p(821_588, 815_482, 0.5) == pytest.approx(1.8e-6, rel=0.05)
    assert sample_ratio_p(0, 0, 0.5) is None
    with pytest.raises(ValueError, match="strictly between"):
        sample_ratio_p(1, 1, 1.0)


@pytest.mark.parametrize(("n_first", "passes"), [(480, True), (432, True), (429, False), (571, False), (568, True)])
def test_the_gate_fails_below_one_in_a_thousand(n_first: int, passes: bool) -> None:
    # 500 of 5,000 expected: z = 3.2905 is p = 0.001, so 3.2905 * sqrt(5000 * 0.1 * 0.9) = 69.8 units off.
    (check,) = sample_ratio_checks([replace(HOLDOUT, n_first=n_first, n_other=5_000 - n_first)], "C1", frozenset({"broadcast"}))
    assert (check.passed, check.blocking, check.gate_code, check.threshold) == (passes, True, "G9", SRM_ALPHA)
    assert check.detail == f"Trial holdout-1: {n_first} of 5000 customers found are in the first arm, 10.0% expected by the assignment"


def test_the_plans_share_goes_before_the_assignments() -> None:
    planned = replace(HOLDOUT, planned_share=0.2)
    (check,) = sample_ratio_checks([planned], "C1", frozenset())
    assert not check.passed
    assert not check.blocking
    assert check.detail.endswith("20.0% expected by the plan")


def test_a_trial_with_nobody_in_it_can_not_pass() -> None:
    for trial in (replace(HOLDOUT, n_first=0, n_other=0), replace(HOLDOUT, n_assigned_first=0)):
        (check,) = sample_ratio_checks([trial], "C2", frozenset({"broadcast", "responsiveness"}))
        assert (check.value, check.passed, check.check_id) == (None, False, "C2|sample_ratio|crm|holdout-1")


def test_it_decides_where_the_design_of_the_primary_estimate_names_the_trial() -> None:
    by_lot = Offer("responsiveness", "experiment", "randomised queue priority", "A", True, "", "")
    held_out = Offer("broadcast", "experiment", "randomised holdout", "A", True, "", "")
    adjusted = Offer("broadcast", "adjusted", "adjusted within-customer", "C", True, "", "")
    row = EffectEstimate("e", "C7", "contrast", "delta", "y", "", "", "", "A", "C", is_primary=True, is_naive=False, unit="EUR")
    # As claims C7, C1 with an adjusted broadcast, and C3 name their designs.
    four = replace(row, design="service: randomised queue priority; others: randomised holdout for marketing, adjusted within-customer")
    first = replace(row, design="randomised queue priority; broadcast: adjusted within-customer")
    third = replace(row, design="adjusted within-customer")
    both = Choice(by_lot, held_out, ())
    assert levers_by_lot([four], both) == {"responsiveness", "broadcast"}
    assert levers_by_lot([first], Choice(by_lot, adjusted, ())) == {"responsiveness"}
    assert levers_by_lot([third], both) == levers_by_lot([third], Choice(by_lot, adjusted, ())) == frozenset()
    assert levers_by_lot([replace(four, is_primary=False)], both) == frozenset()


def test_the_first_arm_is_the_holdout_or_the_priority() -> None:
    connection = duckdb.connect()
    connection.execute("create schema claim")
    connection.execute(
        """
        create table claim.trials as
        select * from (values
            ('crm', 'h', 'broadcast', 'customer', 100, 900, 95, 890, null), ('crm', 'q', 'responsiveness', 'ticket', 60, 40, 50, 39, null),
            ('crm', 'x', null, 'ticket', 60, 40, 50, 39, 'no lever named')
        ) as t(source_id, experiment_id, lever, unit,
            n_control_units, n_treated_units, n_found_control_units, n_found_treated_units, problem)
        """
    )
    assert read_trial_arms(connection, {"q": 0.4}) == [
        TrialArms("crm", "h", "broadcast", "customer", 95, 890, 100, 900, None),
        TrialArms("crm", "q", "responsiveness", "ticket", 39, 50, 40, 60, 0.4),
    ]


def test_the_plan_registers_shares_between_zero_and_one(tmp_path: Path) -> None:
    plan = yaml.safe_load(DEFAULT_PLAN.read_text())
    for share, fits in ((0.1, True), (1.0, False)):
        plan["claims"]["C1"]["planned_shares"] = {"holdout-1": share}
        (tmp_path / "plan.yml").write_text(yaml.safe_dump(plan))
        if fits:
            assert load_plan(tmp_path / "plan.yml").plan.claims.C1.planned_shares == {"holdout-1": 0.1}
        else:
            with pytest.raises(ConfigError, match="planned_shares"):
                load_plan(tmp_path / "plan.yml")


def test_the_report_says_what_a_mismatch_means() -> None:
    row = check_row(
        "C1", "sample_ratio|crm|h", "G9", "dq", "p-value of the sample ratio of trial h", 1e-6, threshold=SRM_ALPHA, passed=False
    )
    (line,) = gate_lines([row], "EUR")
    assert (line.state, line.wanted) == ("failed", "at least 0.001")
    assert "a trial's arms are not as large as they should be" in line.failure_means
