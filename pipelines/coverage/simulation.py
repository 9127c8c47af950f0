"""One simulated company, estimated as a real one and held against its truth."""

from dataclasses import dataclass, replace

import numpy as np

from pipelines.claim.churn import churn_effects
from pipelines.claim.designs import Choice
from pipelines.claim.policy_shift import PolicyShift, policy_shift_of
from pipelines.claim.results import EffectEstimate
from pipelines.claim.rule import Decision, decide
from pipelines.claim.sample import Panel
from pipelines.claim.service_over_broadcast import Answer, Question, SampleFacts, estimate
from pipelines.simulate.arrays import panel_of, turns_of
from pipelines.simulate.company import simulate
from pipelines.simulate.outcomes import CHURN_WEEKS
from pipelines.simulate.truth import truth_of
from pipelines.simulate.worlds import World

PARAMETERS = ("beta_r", "beta_b", "delta")


@dataclass(frozen=True)
class Estimated:
    """An estimate with its 95 % interval and the truth."""

    estimate: float
    se: float
    lo: float
    hi: float
    truth: float

    @property
    def covers(self) -> bool:
        return self.lo <= self.truth <= self.hi

    @property
    def rejects_zero(self) -> bool:
        return self.lo > 0 or self.hi < 0


@dataclass(frozen=True)
class Simulation:
    """What came out of one company.

    Args:
        world, seed: which company.
        design: designs in use.
        found: the primary's estimates by parameter; empty where nothing could be estimated.
        naive: the naive estimates.
        roster: estimates by the roster instrument, where a trial is the primary design.
        theta_r: true theta_R.
        f_eff: effective F of the first stage.
        decision, ungated, naive_decision: by the whole rule, without its gates, and on the naive estimate without gates.
        failed_gates: blocking gates that failed.
        churn, naive_churn: the landmark's estimate, and least squares.
    """

    world: str
    seed: int
    design: str
    found: dict[str, Estimated]
    naive: dict[str, Estimated]
    roster: dict[str, Estimated]
    theta_r: float
    f_eff: float | None
    decision: Decision
    ungated: Decision
    naive_decision: Decision
    failed_gates: tuple[str, ...]
    churn: Estimated | None
    naive_churn: Estimated | None


def run_simulation(world: World, seed: int, n_customers: int, n_weeks: int, question: Question, min_turns: int) -> Simulation:
    """Simulate one company and put the real estimator and the real rule on it.

    Args:
        world: data-generating process.
        seed: of the company.
        n_customers, n_weeks: its size.
        question: what the plan asks.
        min_turns: least turns of a week that counts for the percentiles.
    """
    company = simulate(world, seed, n_customers, n_weeks)
    panel, turns, truth = panel_of(company), turns_of(company), truth_of(company)
    shifts = _shifts(panel, question, min_turns)
    facts = SampleFacts(n_customers, len(turns), len(np.unique(turns.shift)) if turns.shift is not None else 0, 0, 1, 1)
    answer = estimate(panel, shifts, question, facts, with_ladder=False)
    delta, theta_r = _row(answer, "delta"), _row(answer, "theta", "responsiveness")
    m, churn = question.smallest_effect, churn_effects(turns, CHURN_WEEKS)
    return Simulation(
        world=world.name,
        seed=seed,
        design=answer.choice.label,
        found=_estimated(answer, truth),
        naive=_estimated(answer, truth, naive=True),
        roster=_by_roster(panel, shifts, question, facts, answer.choice, truth),
        theta_r=truth["theta_r"],
        f_eff=delta.f_eff if delta else None,
        decision=decide(delta, theta_r, answer.checks, m, secondary=churn),
        ungated=decide(delta, theta_r, [], m),
        naive_decision=_naive_decision(answer, m),
        failed_gates=tuple(sorted({check.gate_code for check in answer.checks if check.blocking and not check.passed})),
        churn=_churn(churn, truth["churn"]["effect"], naive=False),
        naive_churn=_churn(churn, truth["churn"]["effect"], naive=True),
    )


def _shifts(panel: Panel, question: Question, min_turns: int) -> dict[float, PolicyShift]:
    found = {rate: policy_shift_of(panel, rate, min_turns) for rate in {spec.adstock_rate for spec in question.curve}}
    return {rate: shift for rate, shift in found.items() if shift is not None}


def _row(answer: Answer, quantity: str, lever: str = "contrast", naive: bool = False) -> EffectEstimate | None:
    for row in answer.estimates:
        if row.quantity == quantity and row.lever == lever and (row.is_naive if naive else row.is_primary):
            return row
    return None


def _estimated(answer: Answer, truth: dict[str, float], naive: bool = False) -> dict[str, Estimated]:
    rows = {
        "beta_r": _row(answer, "beta", "responsiveness", naive),
        "beta_b": _row(answer, "beta", "broadcast", naive),
        "delta": _row(answer, "delta", naive=naive),
    }
    held = {name: _held(row, truth[name]) for name, row in rows.items() if row is not None}
    return {name: estimated for name, estimated in held.items() if estimated is not None}


def _by_roster(
    panel: Panel, shifts: dict[float, PolicyShift], question: Question, facts: SampleFacts, choice: Choice, truth: dict[str, float]
) -> dict[str, Estimated]:
    """The roster instrument's estimates in a world that has a trial as well."""
    if choice.responsiveness.design != "experiment":
        return {}
    without_trial = replace(question, designs=tuple(name for name in question.designs if name != "experiment"))
    return _estimated(estimate(panel, shifts, without_trial, facts, with_gates=False, with_ladder=False), truth)


def _naive_decision(answer: Answer, m: float) -> Decision:
    """What the rule would say if someone put the naive estimate in and asked no gate."""
    delta, theta_r = _row(answer, "delta", naive=True), _row(answer, "theta", "responsiveness", naive=True)
    ungraded = None if delta is None else replace(delta, evidence_grade_r="A", evidence_grade_b="A")
    return decide(ungraded, theta_r, [], m)


def _churn(rows: list[EffectEstimate], truth: float, naive: bool) -> Estimated | None:
    return next((_held(row, truth) for row in rows if row.is_naive == naive), None)


def _held(row: EffectEstimate, truth: float) -> Estimated | None:
    if row.estimate is None or row.se is None or row.ci95_lo is None or row.ci95_hi is None:
        return None
    return Estimated(row.estimate, row.se, row.ci95_lo, row.ci95_hi, truth)
