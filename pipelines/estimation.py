"""Between the warehouse and the estimators: arrays out of marts, estimates back into tables."""

from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import date
from types import NoneType, UnionType
from typing import Any, NamedTuple, get_args, get_type_hints

import duckdb
import numpy as np

from pipelines.claim.automation_mix import automation_mix
from pipelines.claim.churn import churn_effects
from pipelines.claim.designs import Choice
from pipelines.claim.event_study import EventStudyPoint, event_study
from pipelines.claim.gates import Thresholds
from pipelines.claim.offers import design_offers
from pipelines.claim.policy_shift import PolicyShift
from pipelines.claim.results import Check, DesignOffer, EffectEstimate
from pipelines.claim.sample import Panel
from pipelines.claim.sample_ratio import sample_ratio_checks
from pipelines.claim.secondary import ClaimAnswer, Study
from pipelines.claim.secondary_claims import WarmthFacts, human_over_bot, listening, two_way_over_one_way, warmth
from pipelines.claim.sensitivity_gate import SensitivityPoint
from pipelines.claim.service_first_of_four import service_first_of_four
from pipelines.claim.service_over_broadcast import Question, SampleFacts, Specification, estimate
from pipelines.claim_samples import read_panel, read_service_level_weeks, read_trial_arms, read_turns, read_weekly_costs
from pipelines.plan import Plan


class Written(NamedTuple):
    """Rows written by table."""

    effect_estimates: int
    robustness_checks: int
    design_offers: int
    sensitivity_contour: int
    event_study: int


SQL_TYPES = {str: "varchar", float: "double", int: "bigint", bool: "boolean", date: "date"}


def estimate_claims(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Written:
    """Estimate every claim of the plan from the claim marts and write the results whole."""
    panel, shifts, facts = read_panel(connection), _policy_shifts(connection), _facts(connection)
    plan = _settled(connection, plan, panel)
    question = question_of(plan)
    service = plan.claims.C1
    answer = estimate(panel, shifts, question, facts, costs=read_weekly_costs(connection, panel, service.broadcast.measure_code))
    estimates = [*answer.estimates, *churn_effects(read_turns(connection), service.churn.horizon_weeks)]
    trials = read_trial_arms(connection, service.planned_shares)
    checks = [*answer.checks, *sample_ratio_checks(trials, "C1", levers_by_lot(answer.estimates, answer.choice))]
    offers = design_offers("C1", answer.choice, answer.estimates)
    study = Study(
        panel, shifts, question, answer.choice, facts, service.policy_shift.min_turns_per_week, service.broadcast.measure_code
    )  # fmt: skip
    for claim, found in secondary_answers(study, plan, _warmth_facts(connection)).items():
        estimates += found.estimates
        by_lot = levers_by_lot(found.estimates, answer.choice)
        checks += [*found.checks, *sample_ratio_checks([trial for trial in trials if trial.lever in by_lot], claim, by_lot)]
        offers += design_offers(claim, answer.choice, found.estimates)
    study_of_changes = event_study(
        panel, read_service_level_weeks(connection), question.outcome_unit, question.horizon_weeks, plan.seed
    )  # fmt: skip
    connection.begin()
    _write(connection, "estimates.effect_estimates", EffectEstimate, estimates)
    _write(connection, "estimates.robustness_checks", Check, checks)
    _write(connection, "estimates.design_offers", DesignOffer, offers)
    _write(connection, "estimates.sensitivity_contour", SensitivityPoint, answer.sensitivity)
    _write(connection, "estimates.event_study", EventStudyPoint, study_of_changes)
    connection.commit()
    connection.execute("checkpoint")
    return Written(len(estimates), len(checks), len(offers), len(answer.sensitivity), len(study_of_changes))


def levers_by_lot(estimates: Sequence[EffectEstimate], choice: Choice) -> frozenset[str]:
    """Levers whose trial stands in the design of what decides a claim."""
    decisive = [row.design for row in estimates if row.is_primary]
    offers = {"responsiveness": choice.responsiveness, "broadcast": choice.broadcast}
    drawn = {lever: offer.label for lever, offer in offers.items() if offer.design == "experiment"}
    return frozenset(lever for lever, label in drawn.items() if any(label in design for design in decisive))


def secondary_answers(study: Study, plan: Plan, scored: WarmthFacts | None = None) -> dict[str, ClaimAnswer]:
    """The answers of claims C2 to C7, as far as the plan registers them."""
    entries = plan.claims
    found = {}
    if entries.C2 is not None:
        found["C2"] = two_way_over_one_way(study)
    if entries.C3 is not None:
        low, high = entries.C3.mixed_share
        found["C3"] = automation_mix(study, entries.C3.smallest_effect, (low, high))
    if entries.C4 is not None:
        found["C4"] = human_over_bot(study)
    if entries.C5 is not None:
        found["C5"] = warmth(study, scored)
    if entries.C6 is not None:
        found["C6"] = listening(study, entries.C6.answered_within_hours)
    if entries.C7 is not None:
        found["C7"] = service_first_of_four(study)
    return found


def question_of(plan: Plan) -> Question:
    """What the plan asks of claim C1, as the estimators read it."""
    claim = plan.claims.C1
    primary = Specification(claim.broadcast.adstock_rate, tuple(claim.primary_specification.effects))
    curve = [
        Specification(rate, tuple(effects))
        for effects in claim.specification_curve.effects
        for rate in claim.specification_curve.adstock_rates
    ]
    return Question(
        outcome=claim.outcome.name,
        outcome_unit=claim.outcome.unit,
        primary=primary,
        curve=tuple(dict.fromkeys([primary, *curve])),
        same_sign_share=claim.specification_curve.same_sign_share,
        join_coverage=claim.join_coverage,
        smallest_effect=claim.smallest_effect,
        horizon_weeks=claim.outcome.horizon_weeks,
        designs=tuple(claim.designs),
        thresholds=Thresholds(
            effective_f=claim.gates.effective_f,
            family_alpha=claim.gates.placebo_family_alpha,
            permutation_draws=claim.gates.permutation_draws,
            seed=plan.seed,
        ),
    )


def _settled(connection: duckdb.DuckDBPyConnection, plan: Plan, panel: Panel) -> Plan:
    """The plan with every smallest effect as an amount, told to the verdicts too."""
    claims = plan.claims.settled(float(panel.outcome.mean()) if len(panel) else 0.0)
    for claim_id, entry in claims.entries().items():
        connection.execute("update run.claim_entries set sesoi = ? where claim_id = ?", [entry.smallest_effect, claim_id])
    connection.execute("update run.analysis_plan set sesoi = ?", [claims.C1.smallest_effect])
    return plan.model_copy(update={"claims": claims})


def _policy_shifts(connection: duckdb.DuckDBPyConnection) -> dict[float, PolicyShift]:
    rows = connection.execute(
        """
        select adstock_rate, responsiveness_p25, responsiveness_p75, broadcast_p25, broadcast_p75,
            (select sum(n_turns) / count(*) from claim.panel_customer_week)
        from claim.lever_quantiles
        order by adstock_rate
        """
    ).fetchall()
    return {rate: PolicyShift(*rest) for rate, *rest in rows}


def _facts(connection: duckdb.DuckDBPyConnection) -> SampleFacts:
    row = connection.execute(
        """
        select
            (select count(distinct customer_id) from claim.panel_customer_week),
            (select count(distinct (source_id, ticket_id)) from claim.dose_turns where responsiveness is not null),
            (select count(*) from input.input_support__shifts),
            (select count(*) from input.input_shared__experiments),
            (select count(*) from core.fct_messages where actor_kind = 'customer'),
            (select count(customer_id) from core.fct_messages where actor_kind = 'customer')
        """
    ).fetchone()
    assert row is not None
    return SampleFacts(*row)


def _warmth_facts(connection: duckdb.DuckDBPyConnection) -> WarmthFacts | None:
    """What the frozen scorer read; None where it looked at no reply."""
    row = connection.execute(
        "select max(scorer_version), sum(n_scored_replies)::bigint, sum(n_replies - n_scored_replies)::bigint from claim.agent_warmth"
    ).fetchone()
    return WarmthFacts(*row) if row is not None and row[0] is not None else None


def _write(connection: duckdb.DuckDBPyConnection, table: str, row_type: type[Any], rows: list[Any]) -> None:
    """Replace a table by rows of a dataclass, its fields as columns."""
    hints = get_type_hints(row_type)
    columns = ", ".join(f"{field.name} {_sql_type(hints[field.name])}" for field in fields(row_type))
    connection.execute(f"create or replace table {table} ({columns})")
    if rows:
        marks = ", ".join("?" for _ in fields(row_type))
        connection.executemany(f"insert into {table} values ({marks})", [[_plain(value) for value in astuple(row)] for row in rows])


def _plain(value: Any) -> Any:
    """DuckDB takes Python's numbers, not all of numpy's."""
    return value.item() if isinstance(value, np.generic) else value


def _sql_type(hint: Any) -> str:
    if isinstance(hint, UnionType):
        hint = next(part for part in get_args(hint) if part is not NoneType)
    return SQL_TYPES.get(hint, "varchar")
