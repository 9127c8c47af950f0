"""Claim C1 by roster and by trial on samples that can tell nothing: inconclusive with a reason, no crash and no NaN."""

from collections.abc import Callable
from dataclasses import astuple, replace
from math import isnan

import numpy as np
import pytest

from pipelines.claim.churn import churn_effects
from pipelines.claim.policy_shift import PolicyShift, policy_shift_of
from pipelines.claim.results import EffectEstimate
from pipelines.claim.rule import decide
from pipelines.claim.sample import NO_SHIFT, Panel, Turns
from pipelines.claim.service_over_broadcast import Answer, estimate
from tests.unit.test_few_clusters import FACTS, QUESTION, SHIFT, rostered

TO_SECOND, TO_CAP = np.log2(60.0), -np.log2(72.0)
Spoil = Callable[[Panel], Panel]


def by_roster() -> Panel:
    panel = rostered(3, n_customers=60, n_weeks=12, n_slots=4)
    severe = (np.arange(len(panel)) % 3 == 0) & (panel.turns > 0)
    return replace(panel, columns=panel.columns | {"n_severity_1": severe.astype(np.float64)})


def by_trial() -> Panel:
    panel = replace(by_roster(), shift=None, slot=None)
    treated = panel.turns * (np.random.default_rng(0).random(len(panel)) < 0.5)
    faster = panel.responsiveness + 2 * treated
    return replace(panel, responsiveness=faster, columns={"n_trial_turns": panel.turns, "n_trial_treated": treated})


def by_trial_and_holdout() -> Panel:
    panel = by_trial()
    held = (panel.customer % 4 == 0).astype(np.float64)
    return replace(panel, broadcast={0.5: panel.broadcast[0.5] * (1 - held)}, columns=panel.columns | {"is_holdout": held})


def answered(halvings: float) -> Spoil:
    return lambda p: replace(p, responsiveness=halvings * p.turns)


def nobody_asks(p: Panel) -> Panel:
    nothing = {name: values if name == "is_holdout" else np.zeros(len(p)) for name, values in p.columns.items()}
    shift = None if p.shift is None else np.full(len(p), NO_SHIFT)
    slot = None if p.slot is None else np.zeros(len(p), dtype=np.int64)
    return replace(p, turns=np.zeros(len(p)), responsiveness=np.zeros(len(p)), shift=shift, slot=slot, columns=nothing)


def instrument(values: Callable[[Panel], np.ndarray]) -> Spoil:
    return lambda p: replace(p, columns=p.columns | {("n_trial_treated" if p.shift is None else "total_shortfall"): values(p)})


PANELS = {"roster": by_roster, "trial": by_trial, "trial and holdout": by_trial_and_holdout}
SPOILS: dict[str, Spoil] = {
    "no rows": lambda p: p.rows(np.zeros(len(p), dtype=bool)),
    "one row": lambda p: p.rows(np.arange(len(p)) == 0),
    "one customer": lambda p: p.rows(p.customer == 1),
    "one week": lambda p: p.rows(p.week == 2),
    "one customer in one week": lambda p: p.rows((p.customer == 1) & (p.week == 2)),
    "two customers in two weeks": lambda p: p.rows((p.customer < 2) & (p.week < 2)),
    "nobody asks": nobody_asks,
    "no replies": answered(TO_CAP),
    "all answered in a second": answered(TO_SECOND),
    "constant posts": lambda p: replace(p, broadcast={0.5: np.full(len(p), 0.7)}),
    "no posts": lambda p: replace(p, broadcast={0.5: np.zeros(len(p))}),
    "levers in step": lambda p: replace(p, broadcast={0.5: 2 * p.responsiveness}),
    "an outcome that never happens": lambda p: replace(p, outcome=np.zeros(len(p))),
    "an instrument that is the same for every turn": instrument(lambda p: p.turns.copy()),
    "an instrument that is not known": instrument(lambda p: np.full(len(p), np.nan)),
    "an instrument of weeks alone": instrument(lambda p: p.turns * (p.week % 2 == 0)),
    "an instrument that moves nothing": instrument(lambda p: p.turns * (np.random.default_rng(5).random(len(p)) < 0.5)),
    "one shift": lambda p: p.rows((p.turns == 0) | (p.shift == p.shift[p.turns > 0][0])) if p.shift is not None else p.rows(p.turns == 0),
    "every row a week of its own": lambda p: replace(p, week=np.arange(len(p))),
}


def answer_of(panel: Panel, shift: PolicyShift | None = None) -> Answer:
    """The claim by the panel's own policy shift, or by one that is given, so that nothing stops before the fit."""
    shift = shift or policy_shift_of(panel, 0.5, 5)
    return estimate(panel, {0.5: shift} if shift else {}, QUESTION, FACTS)


def numbers(rows: list[EffectEstimate]) -> list[float]:
    return [each for row in rows for each in astuple(row) if isinstance(each, float)]


@pytest.mark.parametrize("shift", [pytest.param(None, id="own shift"), pytest.param(SHIFT, id="given shift")])
@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("design", PANELS)
def test_a_sample_that_can_tell_nothing_is_inconclusive_with_a_reason(design: str, spoil: str, shift: PolicyShift | None) -> None:
    answer = answer_of(SPOILS[spoil](PANELS[design]()), shift)
    primary = {row.quantity: row for row in answer.estimates if row.is_primary and row.lever in ("contrast", "responsiveness")}
    decision = decide(primary.get("delta"), primary.get("theta"), answer.checks, QUESTION.smallest_effect)
    assert decision.verdict == "inconclusive", decision
    failed = [check for check in answer.checks if check.blocking and not check.passed]
    assert failed
    assert all(check.detail for check in failed)
    assert not any(isnan(each) for each in numbers(answer.estimates))
    found = [each for check in answer.checks for each in (check.value, check.p, check.lo, check.hi) if each is not None]
    assert not any(isnan(each) for each in found)


@pytest.mark.parametrize("design", PANELS)
def test_the_samples_tell_something_before_they_are_spoilt(design: str) -> None:
    """Twelve weeks: the outcome of the window before is not known, which must not stop the gate that asks for it."""
    answer = answer_of(PANELS[design]())
    assert next(check for check in answer.checks if check.check_id == "C1|computable").passed
    assert answer.choice.responsiveness.design == design.partition(" ")[0].replace("trial", "experiment")
    assert answer.choice.broadcast.design == ("experiment" if "holdout" in design else "adjusted")


def turns_of(panel: Panel) -> Turns:
    asked = panel.rows(panel.turns > 0)
    n = len(asked)
    churned = (np.random.default_rng(1).random(n) < 0.2).astype(np.float64)
    names = {"total_shortfall": "shortfall", "total_log_arrivals": "log_arrivals", "n_severity_1": "n_severity_1"}
    columns = {names[name]: values for name, values in asked.columns.items()} | {"churned": churned}
    return Turns(
        asked.customer, asked.brand, asked.week, asked.shift, asked.slot, np.zeros(n, dtype=np.int64), asked.responsiveness, columns
    )


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda t: t.rows(np.zeros(len(t), dtype=bool)), id="no turns"),
        pytest.param(lambda t: t.rows(np.arange(len(t)) == 0), id="one turn"),
        pytest.param(lambda t: t.rows(t.customer == t.customer[0]), id="one customer"),
        pytest.param(lambda t: t.rows(t.shift == t.shift[0]), id="one shift"),
        pytest.param(lambda t: replace(t, responsiveness=np.full(len(t), TO_CAP)), id="no replies"),
        pytest.param(lambda t: replace(t, columns=t.columns | {"churned": np.zeros(len(t))}), id="nobody leaves"),
        pytest.param(lambda t: replace(t, columns=t.columns | {"churned": np.full(len(t), np.nan)}), id="nobody watched"),
        pytest.param(lambda t: replace(t, columns=t.columns | {"shortfall": np.zeros(len(t))}), id="no shortfall"),
        pytest.param(lambda t: replace(t, columns=t.columns | {"shortfall": np.full(len(t), np.nan)}), id="shortfall not known"),
    ],
)
def test_churn_that_can_tell_nothing_has_no_row_by_roster(spoil: Callable[[Turns], Turns]) -> None:
    rows = churn_effects(spoil(turns_of(by_roster())), 13)
    assert [row for row in rows if not row.is_naive] == []
    assert not any(isnan(each) for each in numbers(rows))
