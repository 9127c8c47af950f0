"""The agent leave-one-out design of claim C1: its instrument, its fit, and when it is declined."""

from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache

import linearmodels.iv
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from pipelines.claim.clustering import Clusters, cluster_covariance
from pipelines.claim.designs import BUNDLE, MIN_AGENTS, choose
from pipelines.claim.linear import Floats, Integers, codes
from pipelines.claim.policy_shift import policy_shift_of
from pipelines.claim.results import Check, EffectEstimate
from pipelines.claim.sample import Panel
from pipelines.claim.service_over_broadcast import Answer, Question, SampleFacts, Specification, estimate
from pipelines.claim.system import SEVERITIES, Setup, prepare
from pipelines.simulate.agent_speed import agent_leave_one_out
from pipelines.simulate.arrays import panel_of
from pipelines.simulate.company import simulate
from pipelines.simulate.worlds import TRUE, World

RATE = 0.5
PRIMARY = Specification(RATE, ("customer", "week_by_contact"))
QUESTION = Question(outcome="revenue", outcome_unit="EUR", primary=PRIMARY, curve=(PRIMARY,), same_sign_share=0.8, join_coverage=0.95)
FACTS = SampleFacts(n_customers=2000, n_tickets=1, n_shifts=0, n_experiment_units=0, n_customer_messages=1, n_resolved_messages=1)
OF_ROSTER = ("total_shortfall", "total_next_shortfall", "total_other_shortfall", "total_log_arrivals", "total_load", "is_incident")


@cache
def panel(world: World = TRUE, seed: int = 1, n_customers: int = 2000, n_weeks: int = 26) -> Panel:
    """A simulated company's panel without its roster."""
    whole = panel_of(simulate(world, seed, n_customers, n_weeks))
    return replace(whole, shift=None, slot=None, columns={name: v for name, v in whole.columns.items() if name not in OF_ROSTER})


def answer(p: Panel, with_gates: bool = False) -> Answer:
    shift = policy_shift_of(p, RATE, min_turns=5)
    assert shift is not None
    return estimate(p, {RATE: shift}, QUESTION, FACTS, with_gates=with_gates, with_ladder=False)


def beta(found: Answer) -> EffectEstimate:
    (row,) = [row for row in found.estimates if row.is_primary and (row.lever, row.quantity) == ("responsiveness", "beta")]
    return row


def agent_reason(found: Answer) -> str:
    (offer,) = [offer for offer in found.choice.considered if offer.design == "agent"]
    assert not offer.is_offered
    assert "severity_tag" in offer.to_record
    return offer.reason


def checks(found: Answer, gate: str) -> list[Check]:
    return [check for check in found.checks if check.gate_code == gate]


# The instrument.


def turns(seed: int, n: int = 260) -> tuple[Integers, Integers, Integers, Integers, Floats]:
    """Customers, agents of unequal load (-1 none), shifts of unequal size, their slots, and responsiveness."""
    rng = np.random.default_rng(seed)
    shift = (24 * rng.random(n) ** 2).astype(np.int64)
    agent = (9 * rng.random(n) ** 1.5).astype(np.int64)
    agent[rng.random(n) < np.where(shift % 7 == 0, 0.2, 0.02)] = -1
    return rng.integers(50, size=n), agent, shift, shift % 5, rng.normal(size=n)


def by_definition(customer: Integers, agent: Integers, shift: Integers, slot: Integers, value: Floats) -> Floats:
    """The instrument of one turn after the other, from all turns of other customers."""
    answered_in = Counter(shift[agent >= 0].tolist())
    cell = [("shift", int(s)) if answered_in[int(s)] >= 5 else ("rest", int(k)) for s, k in zip(shift, slot, strict=True)]
    asked, answered = Counter(cell), Counter(c for c, a in zip(cell, agent, strict=True) if a >= 0)
    rows = [i for i in range(len(cell)) if agent[i] >= 0 and answered[cell[i]] >= 5 and answered[cell[i]] >= 0.9 * asked[cell[i]]]
    found = np.full(len(cell), np.nan)
    for turn in rows:
        others = [i for i in rows if customer[i] != customer[turn]]
        in_cell, of_agent = defaultdict(list), defaultdict(list)
        for i in others:
            in_cell[cell[i]].append(value[i])
        for i in others:
            of_agent[agent[i]].append(value[i] - np.mean(in_cell[cell[i]]))
        speed = {a: np.mean(ahead) for a, ahead in of_agent.items() if len(ahead) >= 10}
        beside = [speed[agent[i]] for i in others if cell[i] == cell[turn] and agent[i] in speed]
        if agent[turn] in speed and len(beside) >= 4:
            found[turn] = speed[agent[turn]] - np.mean(beside)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_instrument_is_its_definition_turn_by_turn(seed: int) -> None:
    made = turns(seed)
    found = agent_leave_one_out(*made)
    np.testing.assert_allclose(found, by_definition(*made), rtol=0, atol=1e-12, equal_nan=True)
    assert 60 < np.isfinite(found).sum() < np.sum(made[1] >= 0) - 10


def test_no_customers_own_wait_moves_its_instrument() -> None:
    customer, agent, shift, slot, value = turns(0)
    before = agent_leave_one_out(customer, agent, shift, slot, value)
    after = agent_leave_one_out(customer, agent, shift, slot, np.where(customer == 3, value + 100, value))
    np.testing.assert_allclose(after[customer == 3], before[customer == 3], atol=1e-9)
    assert np.nanmax(np.abs(after - before)) > 1


def test_what_a_whole_shift_shares_is_not_in_the_instrument() -> None:
    customer, agent, shift, slot, value = turns(1)
    full = np.bincount(shift[agent >= 0], minlength=24) >= 5
    shared = np.where(full, np.random.default_rng(2).normal(size=24) * 50, 0.0)[shift]
    moved = agent_leave_one_out(customer, agent, shift, slot, value + shared)
    np.testing.assert_allclose(moved, agent_leave_one_out(customer, agent, shift, slot, value), atol=1e-9, equal_nan=True)


def test_no_turns_no_instrument() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    assert len(agent_leave_one_out(nobody, nobody, nobody, nobody, np.zeros(0))) == 0
    unanswered = np.full(7, -1)
    assert np.isnan(agent_leave_one_out(np.arange(7), unanswered, np.zeros(7, int), np.zeros(7, int), np.zeros(7))).all()


# The fit.


def test_the_fit_is_pyfixests() -> None:
    """On the weeks with an agent, so that its two-way clusters are ours; the same columns, effects and controls."""
    p = panel()
    p = p.rows(p.columns["n_leave_one_out_turns"] == 1)
    system = prepare(p, Setup("agent", "adjusted", PRIMARY.effects), (RATE,))
    ours = system.fit(RATE)
    kept = system.panel
    controls = [name for name in (*SEVERITIES, "targeting_score") if name in kept.columns]
    names = {"total_agent_leave_one_out": "z"} | {name: name for name in controls}
    data = pd.DataFrame({short: kept.columns[name] for name, short in names.items()}).assign(
        y=kept.outcome,
        x=kept.responsiveness,
        b=kept.broadcast[RATE],
        turns=kept.turns,
        customer=kept.customer,
        week=kept.week,
        agent=kept.agent,
    )
    theirs = pf.feols(
        f"y ~ b + turns + {' + '.join(controls)} | customer + week | x ~ z", data, vcov={"CRV1": "customer + agent"},
        ssc=pf.ssc(k_adj=False, k_fixef="none", G_adj=True, G_df="conventional"),
        demeaner=pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000),
    )  # fmt: skip
    assert ours.coefficients[0] == pytest.approx(theirs.coef()["x"], abs=1e-8)
    assert ours.coefficients[1] == pytest.approx(theirs.coef()["b"], abs=1e-8)
    assert ours.iv is not None
    assert np.sqrt(ours.iv.covariance[0, 0]) == pytest.approx(theirs.se()["x"], rel=1e-6)
    assert (ours.n_clusters_2, ours.se_type) == (24, "CGM by customer and agent, CRV3 by agent")
    rest = pf.feols(f"z ~ turns + {' + '.join(controls)} | customer + week", data, demeaner=pf.MapDemeaner(fixef_tol=1e-13)).resid()
    weight = pd.Series(rest).groupby(data["agent"].to_numpy()).sum() ** 2
    assert ours.df == pytest.approx(float(weight.sum() ** 2 / (weight**2).sum()), rel=1e-4)
    assert 4 < ours.df < 20


def test_the_error_by_agent_is_that_of_leaving_each_agent_out() -> None:
    system = prepare(panel(), Setup("agent", "adjusted", PRIMARY.effects), (RATE,))
    assert system.clusters is not None
    assert system.clusters.second is not None
    regressors, instruments = system.positions(RATE)
    ours, agent, whole = system.fit(RATE), system.clusters.second, system.absorbed.residuals
    estimates = []
    for left_out in np.unique(agent[agent >= 0]):
        rest = whole[agent != left_out]
        fit = linearmodels.iv.IV2SLS(
            rest[:, system.at["outcome"]], rest[:, regressors[1:]], rest[:, regressors[:1]], rest[:, instruments[:1]]
        ).fit()  # fmt: skip
        estimates.append(fit.params[["endog", "exog.0"]].to_numpy())
    moves = np.array(estimates) - ours.coefficients
    assert ours.iv is not None
    by_customer, both = (
        cluster_covariance(ours.iv.influence[rows], np.eye(2), Clusters(codes(first))).covariance
        for rows, first in ((slice(None), system.clusters.first), (agent >= 0, system.clusters.first[agent >= 0] * 100 + agent[agent >= 0]))
    )
    np.testing.assert_allclose(ours.covariance, by_customer - both + 23 / 24 * moves.T @ moves, rtol=1e-6)


def test_without_a_roster_the_design_is_used_and_holds_the_truth() -> None:
    """The truth is that of the bundle: the effect of speed, and what warmth these agents' halvings come with."""
    errors, holds = [], []
    for seed in range(8):
        found = answer(panel(seed=seed))
        row = beta(found)
        assert found.choice.responsiveness.design == "agent"
        assert row.evidence_grade_r == "B"
        assert row.f_eff is not None
        assert row.f_eff > 23.1
        agents = simulate(TRUE, seed, 2000, 26).agents
        halvings = -agents.log_slowness / np.log(2)
        truth = TRUE.responsiveness_effect + TRUE.warmth_effect * np.cov(halvings, agents.warmth)[0, 1] / halvings.var(ddof=1)
        assert row.estimate is not None
        assert row.ci95_lo is not None
        assert row.ci95_hi is not None
        errors.append(row.estimate - truth)
        holds.append(row.ci95_lo < truth < row.ci95_hi)
    assert sum(holds) >= 7
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))


def test_what_goes_with_speed_is_in_the_estimate_and_said() -> None:
    """Every halving comes with 0.3 of something else: the instrument can't tell it from speed."""
    p = panel()
    extra = 0.3 * p.columns["total_agent_leave_one_out"] * 1.0
    plain, bundled = beta(answer(p)), beta(answer(replace(p, outcome=p.outcome + extra)))
    assert plain.estimate is not None
    assert bundled.estimate is not None
    assert bundled.estimate - plain.estimate > 0.2
    assert plain.unit.endswith(BUNDLE)
    assert "bundle" in plain.design


# When it is declined, and its gates.


def test_agents_who_get_the_severe_tickets_are_no_design() -> None:
    found = answer(panel(replace(TRUE, assignment_by_severity=0.15)), with_gates=True)
    assert found.choice.responsiveness.design == "adjusted"
    assert "24 agents shared queues and shifts; faster agents got other tickets" in agent_reason(found)
    (gate,) = checks(found, "G1")
    assert not gate.passed
    assert "faster agents got other tickets" in gate.detail
    assert beta(found).evidence_grade_r == "C"


def test_without_severity_nothing_shows_that_agents_are_balanced() -> None:
    p = panel()
    found = answer(replace(p, columns={name: v for name, v in p.columns.items() if name not in SEVERITIES}))
    assert found.choice.responsiveness.design == "adjusted"
    assert "no severity of tickets is recorded" in agent_reason(found)


def test_a_handful_of_agents_is_no_design() -> None:
    p = panel()
    assert p.agent is not None
    few = replace(p, agent=np.where(p.agent >= 0, p.agent % (MIN_AGENTS - 1), -1))
    assert agent_reason(answer(few)) == f"{MIN_AGENTS - 1} agents shared queues and shifts"
    enough = replace(p, agent=np.where(p.agent >= 0, p.agent % MIN_AGENTS, -1))
    assert answer(enough).choice.responsiveness.design == "agent"


def test_a_plan_or_a_roster_goes_before_it() -> None:
    assert choose(panel(), ("experiment", "roster", "adjusted")).responsiveness.design == "adjusted"
    whole = panel_of(simulate(TRUE, 1, 500, 10))
    assert choose(whole, ("roster", "agent", "adjusted")).responsiveness.design == "roster"


def test_its_gates_are_strength_balance_and_the_past() -> None:
    found = answer(panel(), with_gates=True)
    for gate in ("G1", "G2", "G3"):
        (check,) = checks(found, gate)
        assert check.blocking, gate
        assert check.passed, gate
    for gate in ("G4", "G5", "G6"):
        (check,) = checks(found, gate)
        assert not check.blocking, gate
        assert check.value is None
        assert "Not applicable" in check.detail


def test_the_past_that_follows_the_agent_fails_the_placebo() -> None:
    p = panel()
    width = int(p.week.max()) + 1
    z = p.columns["total_agent_leave_one_out"].reshape(-1, width)
    later = np.zeros_like(z)
    later[:, : -(QUESTION.horizon_weeks + 1)] = z[:, QUESTION.horizon_weeks + 1 :]
    found = answer(replace(p, outcome=p.outcome + 0.5 * later.ravel()), with_gates=True)
    (check,) = checks(found, "G3")
    assert not check.passed
