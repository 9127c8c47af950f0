"""Claim C1: does moving responsiveness do more for customers than moving broadcast volume?

The adjusted within-customer design: what a customer does after weeks of faster replies, against the
same customer's other weeks and against everyone's same week. It adjusts; it does not identify.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from pipelines.claim.linear import (
    AbsorbedColumns,
    ClusteredFit,
    Floats,
    Integers,
    NotIdentifiedError,
    absorb_within_clusters,
    codes,
    fit_absorbed,
    independent,
    keep_without_singletons,
)
from pipelines.claim.policy_shift import Contrast, PolicyShift, contrast, fieller_interval
from pipelines.claim.results import MDE_STANDARD_ERRORS, Check, EffectEstimate, Interval, t_interval

CLAIM = "C1"
DESIGN = "adjusted within-customer"
# Broadcasts are known per brand and week only, so nothing but time identifies them.
GRADE_RESPONSIVENESS, GRADE_BROADCAST = "C", "D"
MIN_CUSTOMERS = 2


@dataclass(frozen=True)
class PanelData:
    """The panel, one row per customer, brand and week.

    Args:
        customer, brand, week: (n,) codes; a person who is a customer of two brands has two codes.
        turns: (n,) turns opened in the week.
        responsiveness: (n,) sum of the turns' responsiveness, in halvings; 0 without turns.
        broadcast: (n,) broadcast lever by adstock rate.
        outcome: (n,) 0 or 1.
        first_week, last_week: Mondays; None for an empty panel.
    """

    customer: Integers
    brand: Integers
    week: Integers
    turns: Floats
    responsiveness: Floats
    broadcast: dict[float, Floats]
    outcome: Floats
    first_week: date | None
    last_week: date | None

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True)
class Specification:
    """One way to estimate: adstock rate and absorbed effects (`customer`, `week`, `week_by_contact`)."""

    adstock_rate: float
    effects: tuple[str, ...]

    @property
    def spec_id(self) -> str:
        return f"{'+'.join(self.effects) or 'pooled'}|adstock {self.adstock_rate:g}"


@dataclass(frozen=True)
class Question:
    """What the frozen plan asks of this claim.

    Args:
        outcome, outcome_unit: name and unit of the outcome.
        primary: the specification that decides.
        curve: the specifications of the curve, the primary one among them.
        same_sign_share: share of the curve that must have the primary's sign (gate G7).
        join_coverage: share of customer messages that must belong to a known customer (gate G9).
    """

    outcome: str
    outcome_unit: str
    primary: Specification
    curve: tuple[Specification, ...]
    same_sign_share: float
    join_coverage: float


@dataclass(frozen=True)
class SampleFacts:
    """Counts behind the panel.

    Args:
        n_customers: persons in the panel.
        n_tickets: tickets that carry a dose.
        n_shifts: shifts of the rota in the input.
        n_experiment_units: randomised units in the input.
        n_customer_messages, n_resolved_messages: customer messages, and those of a known customer.
    """

    n_customers: int
    n_tickets: int
    n_shifts: int
    n_experiment_units: int
    n_customer_messages: int
    n_resolved_messages: int


def estimate(
    panel: PanelData, shifts: dict[float, PolicyShift], question: Question, facts: SampleFacts
) -> tuple[list[EffectEstimate], list[Check]]:
    """Estimate the claim: primary, naive and the specification curve, with the gates' checks.

    Args:
        panel: the sample.
        shifts: the policy shift by adstock rate; empty where no brand has weeks enough.
        question: what the plan asks.
        facts: counts behind the panel.

    Returns:
        Estimates, the primary Delta always among them (null where it can't be computed), and checks.
    """
    naive = Specification(question.primary.adstock_rate, ())
    absorbed: dict[tuple[str, ...], _Absorbed] = {}
    rows: list[EffectEstimate] = []
    deltas: dict[Specification, float] = {}
    failure: str | None = None
    for spec in (*question.curve, naive):
        blank = _blank(spec, question, panel, facts)
        try:
            if spec.adstock_rate not in shifts:
                raise NotIdentifiedError("no brand has a full week with turns enough for the percentiles")
            if spec.effects not in absorbed:
                absorbed[spec.effects] = _absorb(panel, spec.effects)
            if not shifts[spec.adstock_rate].weights.all():
                raise NotIdentifiedError("a lever's 25th and 75th percentile are the same, so there is no shift to compare")
            fitted = absorbed[spec.effects].fit(spec.adstock_rate)
        except NotIdentifiedError as error:
            if spec == question.primary:
                failure = str(error)
                rows.append(_named(blank, "contrast", "delta", question.outcome_unit))
            continue
        found = contrast(fitted.coefficients[:2], fitted.covariance[:2, :2], shifts[spec.adstock_rate])
        if spec != naive:
            deltas[spec] = found.delta
        rows.extend(_rows(blank, fitted, found, shifts[spec.adstock_rate], question))
    return rows, _checks(deltas, question, facts, failure)


@dataclass(frozen=True)
class _Absorbed:
    """All columns of the panel with one set of effects removed, ready for a fit at any adstock rate."""

    columns: AbsorbedColumns
    broadcast_at: dict[float, int]
    controls: list[int]

    def fit(self, adstock_rate: float) -> ClusteredFit:
        """Outcome on responsiveness (first), broadcast (second) and controls."""
        return fit_absorbed(self.columns, 0, [1, self.broadcast_at[adstock_rate], *self.controls])


def _absorb(panel: PanelData, names: tuple[str, ...]) -> _Absorbed:
    any_turn = (panel.turns > 0).astype(np.float64)
    effects = {
        "customer": panel.customer,
        "week": panel.week,
        "week_by_contact": codes(panel.week * 2 + any_turn.astype(np.int64)),
    }
    chosen = [effects[name] for name in names]
    # Contact has effects of its own where weeks do by contact; without effects a constant stands for them.
    controls = [panel.turns]
    if "week_by_contact" not in names:
        controls.append(any_turn)
    if not names:
        controls.append(np.ones(len(panel)))
    rates = list(panel.broadcast)
    columns = np.column_stack([panel.outcome, panel.responsiveness, *(panel.broadcast[rate] for rate in rates), *controls])
    keep = keep_without_singletons(chosen) if chosen else np.ones(len(panel), dtype=bool)
    if len(np.unique(panel.customer[keep])) < MIN_CUSTOMERS:
        raise NotIdentifiedError(f"fewer than {MIN_CUSTOMERS} customers with more than one week")
    first_control = 2 + len(rates)
    absorbed = absorb_within_clusters(columns[keep], [effect[keep] for effect in chosen], panel.brand[keep])
    return _Absorbed(
        columns=absorbed,
        broadcast_at={rate: 2 + position for position, rate in enumerate(rates)},
        controls=independent(absorbed, list(range(first_control, first_control + len(controls)))),
    )


def _blank(spec: Specification, question: Question, panel: PanelData, facts: SampleFacts) -> EffectEstimate:
    return EffectEstimate(
        estimate_id=f"{CLAIM}|{spec.spec_id}",
        claim_id=CLAIM,
        lever="contrast",
        quantity="delta",
        outcome=question.outcome,
        estimator="linear probability model" + (", effects absorbed" if spec.effects else ", pooled"),
        spec_id=spec.spec_id,
        design=DESIGN if spec.effects else "none (naive)",
        evidence_grade_r=GRADE_RESPONSIVENESS if spec.effects else "D",
        evidence_grade_b=GRADE_BROADCAST,
        is_primary=spec == question.primary,
        is_naive=not spec.effects,
        unit=question.outcome_unit,
        se_type="CRV1 by brand",
        n_obs=len(panel),
        n_customers=facts.n_customers,
        n_tickets=facts.n_tickets,
        n_shifts=facts.n_shifts,
        window_start=panel.first_week,
        window_end=panel.last_week,
    )


def _named(blank: EffectEstimate, lever: str, quantity: str, unit: str) -> EffectEstimate:
    return replace(blank, estimate_id=f"{blank.estimate_id}|{lever}|{quantity}", lever=lever, quantity=quantity, unit=unit)


def _rows(blank: EffectEstimate, fitted: ClusteredFit, found: Contrast, shift: PolicyShift, question: Question) -> Iterator[EffectEstimate]:
    df = float(fitted.n_clusters - 1)
    blank = replace(
        blank,
        df=df,
        n_obs=fitted.n_rows,
        n_clusters_1=fitted.n_clusters,
        max_cluster_share=fitted.max_cluster_share,
        contact_rate=shift.contact_rate,
    )
    scales = {
        "responsiveness": (shift.responsiveness_p25, shift.responsiveness_p75),
        "broadcast": (shift.broadcast_p25, shift.broadcast_p75),
    }
    se_beta = np.sqrt(np.diag(fitted.covariance))
    per_unit = {"responsiveness": "per halving of one reply's time", "broadcast": "per log point of adstocked days"}
    thetas = {"responsiveness": (found.theta_r, found.se_r), "broadcast": (found.theta_b, found.se_b)}
    for position, (lever, (p25, p75)) in enumerate(scales.items()):
        scaled = replace(blank, scale_p25=p25, scale_p75=p75)
        beta = _named(scaled, lever, "beta", per_unit[lever])
        yield _filled(beta, float(fitted.coefficients[position]), float(se_beta[position]), float(fitted.covariance[0, 1]))
        yield _filled(_named(scaled, lever, "theta", question.outcome_unit), *thetas[lever], found.cov_rb)
    yield _filled(_named(blank, "contrast", "delta", question.outcome_unit), found.delta, found.delta_se, found.cov_rb)
    ratio = fieller_interval(found, df)
    kappa = _named(blank, "contrast", "kappa_star", "theta_r / theta_b")
    # A cost ratio says nothing where broadcast does harm.
    if ratio is not None and found.theta_b > 0:
        kappa = replace(kappa, estimate=found.theta_r / found.theta_b, ci95_lo=ratio[0], ci95_hi=ratio[1], se_type="Fieller")
    yield kappa


def _filled(blank: EffectEstimate, value: float, se: float, covariance: float) -> EffectEstimate:
    if blank.df is None:
        raise ValueError("degrees of freedom come first")
    interval: Interval = t_interval(value, se, blank.df)
    return replace(blank, estimate=value, se=se, cov_rb=covariance, mde=MDE_STANDARD_ERRORS * se, **vars(interval))


def _checks(deltas: dict[Specification, float], question: Question, facts: SampleFacts, failure: str | None) -> list[Check]:
    primary = deltas.get(question.primary)
    checks = [_first_stage(facts), _coverage(facts, question), _computable(failure)]
    if primary is not None:
        same = [delta for delta in deltas.values() if delta * primary > 0]
        share = len(same) / len(question.curve)
        checks.append(
            Check(
                check_id=f"{CLAIM}|same_sign_share",
                gate_code="G7",
                claim_id=CLAIM,
                estimate_id=f"{CLAIM}|{question.primary.spec_id}|contrast|delta",
                kind="spec",
                statistic="share of the specification curve with the primary's sign",
                value=share,
                threshold=question.same_sign_share,
                passed=share >= question.same_sign_share,
                blocking=True,
                detail=f"{len(same)} of {len(question.curve)} specifications agree in sign",
            )
        )
    return checks


def _first_stage(facts: SampleFacts) -> Check:
    offers = []
    if facts.n_experiment_units:
        offers.append(f"{facts.n_experiment_units} randomised units")
    if facts.n_shifts:
        offers.append(f"{facts.n_shifts} shifts")
    unused = f" The input holds {' and '.join(offers)}; this version has no design that uses them yet." if offers else ""
    return Check(
        check_id=f"{CLAIM}|instrument",
        gate_code="G1",
        claim_id=CLAIM,
        estimate_id=None,
        kind="identification",
        statistic="effective first-stage F",
        value=None,
        threshold=23.1,
        passed=False,
        blocking=True,
        detail="Nothing outside the customer's own situation moved the reply time: no randomised arm and no rota was used." + unused,
    )


def _coverage(facts: SampleFacts, question: Question) -> Check:
    share = facts.n_resolved_messages / facts.n_customer_messages if facts.n_customer_messages else None
    return Check(
        check_id=f"{CLAIM}|join_coverage",
        gate_code="G9",
        claim_id=CLAIM,
        estimate_id=None,
        kind="dq",
        statistic="share of customer messages that belong to a known customer",
        value=share,
        threshold=question.join_coverage,
        passed=share is not None and share >= question.join_coverage,
        blocking=True,
        detail=f"{facts.n_resolved_messages} of {facts.n_customer_messages} customer messages",
    )


def _computable(failure: str | None) -> Check:
    return Check(
        check_id=f"{CLAIM}|computable",
        gate_code="G9",
        claim_id=CLAIM,
        estimate_id=None,
        kind="dq",
        statistic="whether the primary estimate can be computed",
        value=float(failure is None),
        threshold=1.0,
        passed=failure is None,
        blocking=True,
        detail=failure or "the primary estimate was computed",
    )
