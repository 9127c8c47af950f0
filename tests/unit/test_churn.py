"""Churn after a question, on simulated companies whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.claim.churn import churn_effects
from pipelines.claim.sample import Turns
from pipelines.simulate.arrays import turns_of
from pipelines.simulate.company import simulate
from pipelines.simulate.truth import truth_of
from pipelines.simulate.worlds import WORLDS


@pytest.fixture(scope="module")
def company_turns() -> tuple[Turns, float]:
    company = simulate(WORLDS["true"], 41, 4000, 52)
    return turns_of(company), truth_of(company)["churn"]["effect"]


def test_the_roster_s_estimate_holds_the_truth_and_the_naive_one_stands_beside_it(company_turns: tuple[Turns, float]) -> None:
    turns, truth = company_turns
    roster, naive = churn_effects(turns, 13)
    assert (roster.evidence_grade_r, roster.is_naive, naive.evidence_grade_r, naive.is_naive) == ("B", False, "D", True)
    assert roster.estimate is not None
    assert roster.se is not None
    assert abs(roster.estimate - truth) < 3 * roster.se
    assert naive.estimate is not None
    assert naive.se is not None
    # Agents hurry to urgent tickets, whose customers leave more often: least squares makes speed look harmful.
    assert naive.estimate - truth > 3 * naive.se
    assert roster.se > 5 * naive.se
    assert roster.outcome == "churn_within_13_weeks"


def test_turns_that_are_not_at_risk_or_in_an_incident_or_without_a_roster_say_nothing(company_turns: tuple[Turns, float]) -> None:
    turns, _ = company_turns
    known = np.isfinite(turns.columns["churned"])
    n_used = churn_effects(turns, 13)[0].n_obs
    calm = known & ~(turns.columns["is_incident"] > 0)
    assert n_used == (calm & np.isfinite(turns.columns["shortfall"])).sum() < len(turns)
    assert churn_effects(turns.rows(~known), 13) == []


def test_without_subscriptions_or_variation_there_is_no_row(company_turns: tuple[Turns, float]) -> None:
    turns, _ = company_turns
    without = {name: values for name, values in turns.columns.items() if name != "churned"}
    assert churn_effects(replace(turns, columns=without), 13) == []
    nobody = {**turns.columns, "churned": np.where(np.isfinite(turns.columns["churned"]), 0.0, np.nan)}
    assert churn_effects(replace(turns, columns=nobody), 13) == []
