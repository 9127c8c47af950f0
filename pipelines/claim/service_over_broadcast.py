"""Claim C1: does moving responsiveness do more for customers than moving broadcast volume?

Both levers stand in one joint system. The strongest design that the data offer identifies each of them; the naive
estimate, and those of the designs that mislead, stand beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from pipelines.claim.clustering import cluster_covariance
from pipelines.claim.designs import BUNDLE, DESIGN_NAMES, Choice, choose
from pipelines.claim.few_clusters import N_DRAWS, LeverIntervals, lever_intervals
from pipelines.claim.gates import Strength, Thresholds, agent_imbalance, identification_checks, same_sign_check, strength
from pipelines.claim.instrumental import jackknife_covariance
from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.marginal_return import WeeklyCosts, return_rows
from pipelines.claim.policy_shift import Contrast, PolicyShift, contrast, fieller_interval
from pipelines.claim.results import MDE_STANDARD_ERRORS, Check, EffectEstimate, Interval, t_interval
from pipelines.claim.sample import Panel
from pipelines.claim.sensitivity_gate import SensitivityPoint, sensitivity
from pipelines.claim.system import Fitted, Setup, System, lagged, prepare, setup_of

CLAIM = "C1"
NAIVE = Setup("adjusted", "adjusted", (), has_controls=False)


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
        smallest_effect: m, in the unit of the outcome.
        horizon_weeks: weeks over which the outcome is counted.
        designs: designs that the plan allows.
        thresholds: of the gates.
    """

    outcome: str
    outcome_unit: str
    primary: Specification
    curve: tuple[Specification, ...]
    same_sign_share: float
    join_coverage: float
    smallest_effect: float = 0.005
    horizon_weeks: int = 13
    designs: tuple[str, ...] = DESIGN_NAMES
    thresholds: Thresholds = field(default_factory=lambda: Thresholds(23.1, 0.01, 999, 0))


@dataclass(frozen=True)
class SampleFacts:
    """Counts behind the panel.

    Args:
        n_customers: customers in the panel.
        n_tickets: tickets that carry a dose.
        n_shifts: shifts of the roster in the input.
        n_experiment_units: randomised units in the input.
        n_customer_messages, n_resolved_messages: customer messages, and those of a known customer.
    """

    n_customers: int
    n_tickets: int
    n_shifts: int
    n_experiment_units: int
    n_customer_messages: int
    n_resolved_messages: int


@dataclass(frozen=True)
class Answer:
    """What the claim's estimation found.

    Args:
        estimates: rows of `claim.effect_estimates`; the primary Delta always among them.
        checks: rows of `claim.robustness_checks`.
        choice: the designs in use and the ones declined.
        sensitivity: rows of `claim.sensitivity_contour`.
    """

    estimates: list[EffectEstimate]
    checks: list[Check]
    choice: Choice
    sensitivity: list[SensitivityPoint] = field(default_factory=list)


def estimate(
    panel: Panel,
    shifts: dict[float, PolicyShift],
    question: Question,
    facts: SampleFacts,
    with_gates: bool = True,
    with_ladder: bool = True,
    costs: WeeklyCosts | None = None,
) -> Answer:
    """Estimate the claim: primary, naive and misleading designs, the specification curve, and the gates' checks.

    Args:
        panel: the sample.
        shifts: the policy shift by adstock rate; empty where no brand has weeks enough.
        question: what the plan asks.
        facts: counts behind the panel.
        with_gates: whether the gates and the specification curve are computed.
        with_ladder: whether the designs that mislead and the jackknife are computed beside the naive estimate.
            Simulations leave out what they don't look at.
        costs: of the levers' staff; without them nothing is told of returns per cost (Lambda).

    Returns:
        Estimates, the primary Delta always among them (null where it can't be computed), checks, and the designs.
    """
    return _Estimation(panel, shifts, question, facts, _choice(panel, question), costs).run(with_gates, with_ladder)


def _choice(panel: Panel, question: Question) -> Choice:
    """The strongest designs; agents only where balance does not speak against them."""
    choice = choose(panel, question.designs)
    if choice.responsiveness.design != "agent":
        return choice
    setup = setup_of(choice, question.primary.effects)
    reason = agent_imbalance(panel, setup, question.primary.adstock_rate, question.thresholds.family_alpha)
    return choice if reason is None else choose(panel, question.designs, reason)


@dataclass
class _Estimation:
    """One estimation under way; systems are prepared once for each set of effects."""

    panel: Panel
    shifts: dict[float, PolicyShift]
    question: Question
    facts: SampleFacts
    choice: Choice
    costs: WeeklyCosts | None = None
    systems: dict[Setup, System] = field(default_factory=dict)
    rows: list[EffectEstimate] = field(default_factory=list)
    failure: str | None = None
    with_ladder: bool = True
    primary: tuple[System, Fitted, Strength] | None = None
    points: list[SensitivityPoint] = field(default_factory=list)

    def run(self, with_gates: bool, with_ladder: bool) -> Answer:
        self.with_ladder = with_ladder
        question, primary = self.question, self.question.primary
        deltas: list[float | None] = []
        for spec in question.curve if with_gates else (primary,):
            found = self._estimate(spec, setup_of(self.choice, spec.effects), _spec_id(self.choice, spec))
            deltas.append(found.delta if found else None)
        for name, setup in self._ladder():
            self._estimate(Specification(primary.adstock_rate, setup.effects), setup, name)
        checks = [*self._gates(deltas)] if with_gates else []
        return Answer(self.rows, checks, self.choice, self.points)

    def _ladder(self) -> Iterator[tuple[str, Setup]]:
        """The naive estimate, then designs that mislead in their own ways, up to the one in use."""
        yield Specification(self.question.primary.adstock_rate, ()).spec_id, NAIVE
        if self.choice.responsiveness.design != "roster" or not self.with_ladder:
            return
        effects = (*self.question.primary.effects, "slot")
        rate = f"adstock {self.question.primary.adstock_rate:g}"
        yield f"ladder: adjusted|{rate}", Setup("adjusted", self.choice.broadcast.design, effects)
        if self.panel.column("total_load") is not None:
            load = Setup("roster", self.choice.broadcast.design, effects, keeps_incidents=True, r_instrument="total_load")
            yield f"ladder: queue load as instrument|{rate}", load
        yield f"ladder: incidents kept|{rate}", Setup("roster", self.choice.broadcast.design, effects, keeps_incidents=True)

    def _system(self, setup: Setup) -> System:
        if setup not in self.systems:
            is_primary = setup == setup_of(self.choice, self.question.primary.effects)
            self.systems[setup] = prepare(self.panel, setup, self._rates(setup), self._extra() if is_primary else None)
        return self.systems[setup]

    def _rates(self, setup: Setup) -> tuple[float, ...]:
        in_curve = {spec.adstock_rate for spec in self.question.curve if setup_of(self.choice, spec.effects) == setup}
        return tuple(sorted(in_curve | {self.question.primary.adstock_rate}))

    def _extra(self) -> dict[str, Floats]:
        """Columns that only gates look at; what is not known counts as none, which tells nothing."""
        names = [name for name in ("total_other_shortfall", "total_next_shortfall") if self.panel.column(name) is not None]
        extra = {name: np.nan_to_num(self.panel.columns[name]) for name in names}
        if self.panel.broadcast_reach == "customer":
            extra["lagged_turns"] = np.nan_to_num(lagged(self.panel, self.panel.turns, 1))
            extra["lagged_outcome"] = np.nan_to_num(lagged(self.panel, self.panel.outcome, self.question.horizon_weeks + 1))
        return extra

    def _estimate(self, spec: Specification, setup: Setup, spec_id: str) -> Contrast | None:
        """Add one specification's rows; nothing but an empty primary row where it can't be estimated."""
        question = self.question
        blank = self._blank(spec_id, setup, is_primary=spec == question.primary and setup == setup_of(self.choice, spec.effects))
        try:
            if spec.adstock_rate not in self.shifts:
                raise NotIdentifiedError("no brand has a full week with turns enough for the percentiles")
            shift = self.shifts[spec.adstock_rate]
            system = self._system(setup)
            if not shift.weights.all():
                raise NotIdentifiedError("a lever's 25th and 75th percentile are the same, so there is no shift to compare")
            fitted = system.fit(spec.adstock_rate)
            found = contrast(fitted.coefficients, fitted.covariance, shift)
            seed = question.thresholds.seed
            intervals = lever_intervals(system, spec.adstock_rate, fitted, found, shift, seed) if blank.is_primary else {}
        except NotIdentifiedError as error:
            if blank.is_primary:
                self.failure = str(error)
                self.rows.append(_named(blank, "contrast", "delta", question.outcome_unit))
            return None
        if blank.is_primary:
            first = self._strength(system, spec.adstock_rate)
            self.primary = (system, fitted, first)
            blank = replace(blank, f_eff=first.effective_f)
            if self.with_ladder:
                self.rows.extend(self._jackknife(blank, system, spec.adstock_rate, fitted, shift))
        self.rows.extend(_rows(blank, _Told(fitted, found, shift, intervals), question, self.panel.broadcast_reach))
        if blank.is_primary and self.costs is not None:
            row = _named(blank, "contrast", "lambda", f"{question.outcome_unit}, per {self.costs.currency} a week")
            self.rows.extend(return_rows(row, self.panel, system, spec.adstock_rate, fitted, shift.contact_rate, self.costs))
        return found

    def _strength(self, system: System, rate: float) -> Strength:
        try:
            return strength(system, rate)
        except NotIdentifiedError:
            return Strength(None, None, None)

    def _jackknife(
        self, blank: EffectEstimate, system: System, rate: float, fitted: Fitted, shift: PolicyShift
    ) -> Iterator[EffectEstimate]:
        """Delta with a jackknife over shifts that estimates the effects anew (CRV3) in place of CRV1's part."""
        if fitted.iv is None or system.clusters is None or system.clusters.second is None or system.setup.responsiveness != "roster":
            return
        regressors, instruments = system.positions(rate)
        try:
            second = jackknife_covariance(system.absorbed, fitted.iv, regressors, instruments, system.clusters.second)
            influence = fitted.iv.influence
            whole = cluster_covariance(influence, np.eye(2), system.clusters, second_part=second[:2, :2]).covariance
        except NotIdentifiedError:
            return
        found = contrast(fitted.coefficients, whole, shift)
        named = replace(blank, spec_id=f"{blank.spec_id}|CRV3", is_primary=False, estimate_id=f"{blank.estimate_id}|CRV3")
        named = replace(_named(named, "contrast", "delta", self.question.outcome_unit), df=fitted.df, se_type="CGM, CRV3 by shift")
        yield _filled(named, found.delta, found.delta_se, found.cov_rb)

    def _gates(self, deltas: list[float | None]) -> Iterator[Check]:
        question = self.question
        primary = next((row for row in self.rows if row.is_primary and row.quantity == "delta" and row.estimate is not None), None)
        if self.choice.responsiveness.design == "adjusted":
            yield _not_identified(self.choice)
        yield _coverage(self.facts, question)
        yield _computable(self.failure)
        if primary is None or primary.estimate is None or self.primary is None:
            return
        rate, (system, fitted, first) = question.primary.adstock_rate, self.primary
        yield from identification_checks(self.panel, system, rate, fitted, first, question.horizon_weeks, question.thresholds)
        yield same_sign_check(deltas, primary.estimate, primary.estimate_id, question.same_sign_share)
        found = sensitivity(system, rate, fitted, self.shifts[rate], question.smallest_effect)
        self.points = found.points
        yield from found.checks

    def _blank(self, spec_id: str, setup: Setup, is_primary: bool) -> EffectEstimate:
        is_naive = not setup.effects
        grades = (self.choice.responsiveness.grade, self.choice.broadcast.grade)
        in_use = setup.responsiveness == self.choice.responsiveness.design and setup.r_instrument is None and not setup.keeps_incidents
        return EffectEstimate(
            estimate_id=f"{CLAIM}|{spec_id}",
            claim_id=CLAIM,
            lever="contrast",
            quantity="delta",
            outcome=self.question.outcome,
            estimator=_estimator(setup),
            spec_id=spec_id,
            design="none (naive)" if is_naive else self.choice.label if in_use else spec_id.partition("|")[0],
            evidence_grade_r="D" if is_naive or not in_use else grades[0],
            evidence_grade_b="D" if is_naive else grades[1],
            is_primary=is_primary,
            is_naive=is_naive,
            unit=self.question.outcome_unit,
            n_obs=len(self.panel),
            n_customers=self.facts.n_customers,
            n_tickets=self.facts.n_tickets,
            n_shifts=self.facts.n_shifts,
            window_start=self.panel.first_week,
            window_end=self.panel.last_week,
        )


def _spec_id(choice: Choice, spec: Specification) -> str:
    design = choice.responsiveness.design
    return spec.spec_id if design == "adjusted" else f"{design}|{spec.spec_id}"


def _estimator(setup: Setup) -> str:
    if not setup.effects:
        return "least squares, pooled"
    if setup.responsiveness == "adjusted" and setup.broadcast != "experiment":
        return "least squares, effects absorbed"
    return "two-stage least squares, effects absorbed"


def _named(blank: EffectEstimate, lever: str, quantity: str, unit: str) -> EffectEstimate:
    return replace(blank, estimate_id=f"{blank.estimate_id}|{lever}|{quantity}", lever=lever, quantity=quantity, unit=unit)


@dataclass(frozen=True)
class _Told:
    """A fit, what it says of the policy shift, and intervals that are not Student's, by lever and quantity."""

    fitted: Fitted
    found: Contrast
    shift: PolicyShift
    intervals: LeverIntervals


def _rows(blank: EffectEstimate, told: _Told, question: Question, reach: str) -> Iterator[EffectEstimate]:
    fitted, found, shift = told.fitted, told.found, told.shift
    by_bootstrap = f"; intervals by restricted wild cluster bootstrap, {N_DRAWS} draws" if told.intervals else ""
    blank = replace(
        blank,
        df=fitted.df,
        se_type=fitted.se_type + by_bootstrap,
        n_obs=fitted.n_rows,
        n_clusters_1=fitted.n_clusters_1,
        n_clusters_2=fitted.n_clusters_2,
        max_cluster_share=fitted.max_cluster_share,
        contact_rate=shift.contact_rate,
    )
    scales = {
        "responsiveness": (shift.responsiveness_p25, shift.responsiveness_p75),
        "broadcast": (shift.broadcast_p25, shift.broadcast_p75),
    }
    se_beta = np.sqrt(np.diag(fitted.covariance))
    broadcast_unit = "per log point of adstocked days" if reach == "brand" else "per log point of adstocked broadcasts"
    bundle = BUNDLE if blank.spec_id.startswith("agent|") else ""
    per_unit = {"responsiveness": f"per halving of one reply's time{bundle}", "broadcast": broadcast_unit}
    thetas = {"responsiveness": (found.theta_r, found.se_r), "broadcast": (found.theta_b, found.se_b)}

    def filled(row: EffectEstimate, value: float, se: float, covariance: float) -> EffectEstimate:
        return _filled(row, value, se, covariance, told.intervals.get((row.lever, row.quantity)))

    for position, (lever, (p25, p75)) in enumerate(scales.items()):
        scaled = replace(blank, scale_p25=p25, scale_p75=p75)
        beta = _named(scaled, lever, "beta", per_unit[lever])
        yield filled(beta, float(fitted.coefficients[position]), float(se_beta[position]), float(fitted.covariance[0, 1]))
        yield filled(_named(scaled, lever, "theta", question.outcome_unit), *thetas[lever], found.cov_rb)
    yield filled(_named(blank, "contrast", "delta", question.outcome_unit), found.delta, found.delta_se, found.cov_rb)
    ratio = fieller_interval(found, fitted.df)
    kappa = _named(blank, "contrast", "kappa_star", "theta_r / theta_b")
    # A cost ratio says nothing where broadcast does harm.
    if ratio is not None and found.theta_b > 0:
        kappa = replace(kappa, estimate=found.theta_r / found.theta_b, ci95_lo=ratio[0], ci95_hi=ratio[1], se_type="Fieller")
    yield kappa


def _filled(blank: EffectEstimate, value: float, se: float, covariance: float, interval: Interval | None = None) -> EffectEstimate:
    if blank.df is None:
        raise ValueError("degrees of freedom come first")
    ends = vars(interval or t_interval(value, se, blank.df))
    return replace(blank, estimate=value, se=se, cov_rb=covariance, mde=MDE_STANDARD_ERRORS * se, **ends)


def _not_identified(choice: Choice) -> Check:
    """G1 where no instrument is in use: nothing moved the reply time from outside."""
    declined = [offer for offer in choice.considered if offer.lever == "responsiveness" and not offer.is_offered]
    return Check(
        check_id=f"{CLAIM}|strength",
        gate_code="G1",
        claim_id=CLAIM,
        estimate_id=None,
        kind="identification",
        statistic="effective first-stage F",
        value=None,
        threshold=23.1,
        passed=False,
        blocking=True,
        detail="Nothing outside the customer's own situation moved the reply time. "
        + " ".join(f"Not used: {offer.label} ({offer.reason})." for offer in declined),
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
