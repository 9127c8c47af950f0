"""Claims C2 to C7: other levers in the joint system of claim C1, by the same designs, told in the plan's units.

A claim is a model: levers whose coefficients matter, what is held equal beside them, and the combinations of the
coefficients that are told. Everything else (naive estimate, specification curve, gates) is alike for all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from pipelines.claim.designs import Choice
from pipelines.claim.gates import Placebo, Strength, balance, placebo_checks, placebo_test, strength_check
from pipelines.claim.instrumental import anderson_rubin_set, effective_f
from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.policy_shift import PolicyShift
from pipelines.claim.results import MDE_STANDARD_ERRORS, Check, EffectEstimate, Quantity, t_interval
from pipelines.claim.sample import Panel
from pipelines.claim.service_over_broadcast import NAIVE, Question, SampleFacts, Specification
from pipelines.claim.system import Fitted, Setup, System, lagged, prepare, setup_of


@dataclass(frozen=True)
class Study:
    """What the claims of one plan share.

    Args:
        panel: the sample.
        shifts: the policy shift by adstock rate.
        question: what the plan asks of C1: outcome, specifications and thresholds hold for all claims.
        choice: C1's designs.
        facts: counts behind the panel.
        least_per_week: turns, or mentions, that a brand's week must have to count for percentiles.
        broadcast_measure: code of what the broadcast lever counts, as in the plan.
    """

    panel: Panel
    shifts: dict[float, PolicyShift]
    question: Question
    choice: Choice
    facts: SampleFacts
    least_per_week: int = 5
    broadcast_measure: str = "delivered_sends"

    def column(self, name: str, kind: str) -> Floats:
        """A column of the panel that a claim can't do without.

        Raises:
            NotIdentifiedError: it is absent or holds only zeros; says that no such `kind` is recorded.
        """
        values = self.panel.column(name)
        if values is None or not np.any(np.nan_to_num(values) != 0):
            raise NotIdentifiedError(f"the data hold no {kind}")
        return values

    @property
    def r_instrument(self) -> Literal["r_instrument"] | None:
        return None if self.choice.responsiveness.design == "adjusted" else "r_instrument"

    @property
    def b_instrument(self) -> Literal["b_instrument"] | None:
        return "b_instrument" if self.choice.broadcast.design == "experiment" else None

    @property
    def setup(self) -> Setup:
        """C1's designs and the primary effects."""
        return setup_of(self.choice, self.question.primary.effects)

    @property
    def adjusted_setup(self) -> Setup:
        """The primary effects, and those of the slots where they are known, without an instrument of reply time."""
        slot = ("slot",) if self.panel.slot is not None else ()
        return Setup("adjusted", self.choice.broadcast.design, (*self.question.primary.effects, *slot))


@dataclass(frozen=True)
class Lever:
    """A regressor.

    Args:
        name: of the column; the estimates' lever.
        values: (n,) by row of the panel; rows where it is NaN are left out.
        instrument: what moves it from outside, if anything does.
    """

    name: str
    values: Floats
    instrument: Literal["r_instrument", "b_instrument"] | None = None


@dataclass(frozen=True)
class Told:
    """A linear combination of the levers' coefficients.

    Args:
        lever, quantity, unit: as in the estimates.
        weights: of the levers, in their order.
        scale: percentiles that the lever moves between.
        rate: turns, or mentions, per customer-week that carry an effect over to the whole base.
    """

    lever: str
    quantity: Quantity
    weights: tuple[float, ...]
    unit: str
    scale: tuple[float, float] | None = None
    rate: float | None = None


@dataclass(frozen=True)
class Model:
    """One claim's model.

    Args:
        setup: designs of C1's levers, and the primary effects.
        design: where identification comes from, in words.
        grades: evidence grades of the claim's lever and of the one that it is compared with.
        levers: whose coefficients are told.
        told: combinations; the one with quantity `delta` decides.
        held: further regressors, held equal.
        holds_broadcast: whether C1's broadcast lever is held equal as well.
        naive_held: which of `held` the naive estimate looks at too.
        tested: column whose being as good as random the grade rests on: balance and lagged outcome are tested on it.
        needs_balance: whether the grade falls to C where the balance can't be shown.
        reading: what tells several models of one claim apart.
    """

    setup: Setup
    design: str
    grades: tuple[str, str]
    levers: tuple[Lever, ...]
    told: tuple[Told, ...]
    held: tuple[Lever, ...] = ()
    holds_broadcast: bool = True
    naive_held: tuple[str, ...] = ()
    tested: str | None = None
    needs_balance: bool = False
    reading: str = ""

    def columns(self) -> dict[str, Floats]:
        """Columns that the system needs beside C1's."""
        return {lever.name: lever.values for lever in (*self.levers, *self.held)}

    def regressors(self, system: System, rate: float) -> dict[str, str | None]:
        """Names of all levers, the told ones first, and their instruments."""
        found = {lever.name: lever.instrument for lever in self.levers}
        is_naive = not system.setup.effects
        found |= {lever.name: lever.instrument for lever in self.held if not is_naive or lever.name in self.naive_held}
        if self.holds_broadcast and not is_naive:
            found[system.lever(rate)] = "b_instrument" if "b_instrument" in system.at else None
        return {name: instrument if instrument in system.at else None for name, instrument in found.items()}

    def fit(self, system: System, rate: float, outcome: str = "outcome") -> Fitted:
        """Coefficients of the told levers only.

        Raises:
            NotIdentifiedError: as `System.fit_levers`, or a coefficient that is not a number.
        """
        fitted = system.fit_levers(self.regressors(system, rate), outcome)
        k = len(self.levers)
        fitted = replace(fitted, coefficients=fitted.coefficients[:k], covariance=fitted.covariance[:k, :k])
        if not (np.all(np.isfinite(fitted.coefficients)) and np.all(np.isfinite(fitted.covariance))):
            raise NotIdentifiedError("a coefficient is not a number")
        return fitted

    def rows(self, blank: EffectEstimate, fitted: Fitted) -> list[EffectEstimate]:
        """Everything that is told of a fit."""
        return [tell(blank, each, fitted) for each in self.told]

    def checks(self, claim: str, fitted: Fitted) -> list[Check]:
        """Checks of the claim's own; none unless a claim has some."""
        del claim, fitted
        return []

    def decisive(self, fitted: Fitted) -> float:
        """The number whose sign the specification curve must agree on."""
        delta = next(each for each in self.told if each.quantity == "delta")
        return float(np.array(delta.weights) @ fitted.coefficients)


@dataclass(frozen=True)
class ClaimAnswer:
    """What a claim's estimation found: rows of estimates and checks."""

    estimates: list[EffectEstimate]
    checks: list[Check]


Build = Callable[[Study], list[Model]]
Combine = Callable[[EffectEstimate, list[list[EffectEstimate]]], list[EffectEstimate]]


def estimate_secondary(study: Study, claim: str, build: Build, combine: Combine | None = None) -> ClaimAnswer:
    """Estimate one claim: primary, naive, the specification curve and the gates.

    Args:
        study: what the claims share.
        claim: its id.
        build: makes the models, mostly one; raises `NotIdentifiedError` where the data hold nothing of the kind.
        combine: makes the deciding rows out of those of several models.

    Returns:
        Estimates, a primary delta always among them (null where it can't be computed), and checks.
    """
    return _Estimation(study, claim, build, combine).run()


@dataclass
class _Estimation:
    study: Study
    claim: str
    build: Build
    combine: Combine | None
    models: list[Model] = field(default_factory=list)
    systems: dict[tuple[int, Setup], System] = field(default_factory=dict)

    def run(self) -> ClaimAnswer:
        try:
            rows, checks = self._primary()
        except NotIdentifiedError as error:
            blank = self._blank(self.models[0] if self.models else None, self.study.question.primary, is_primary=True)
            empty = replace(blank, estimate_id=f"{blank.estimate_id}|contrast|delta")
            return ClaimAnswer([empty], [self._coverage(), self._computable(str(error))])
        return ClaimAnswer([*rows, *self._naive()], [self._coverage(), self._computable(None), *checks])

    def _primary(self) -> tuple[list[EffectEstimate], list[Check]]:
        primary = self.study.question.primary
        self.models = self.build(self.study)
        fits = [model.fit(self._system(i, primary), primary.adstock_rate) for i, model in enumerate(self.models)]
        checks = self._gates()
        self._lower_grades(checks)
        both = list(zip(self.models, fits, strict=True))
        told = [model.rows(_sized(self._blank(model, primary, self.combine is None), fitted), fitted) for model, fitted in both]
        rows = [row for each in told for row in each]
        if self.combine is not None:
            rows += self.combine(_sized(self._blank(replace(self.models[0], reading=""), primary, is_primary=True), fits[0]), told)
        checks.append(self._same_sign([model.decisive(fitted) for model, fitted in both]))
        return rows, checks + [check for model, fitted in both for check in model.checks(self.claim, fitted)]

    def _system(self, i: int, spec: Specification) -> System:
        model = self.models[i]
        slot = ("slot",) if "slot" in model.setup.effects else ()
        setup = replace(model.setup, effects=(*spec.effects, *slot)) if spec.effects else NAIVE
        if (i, setup) not in self.systems:
            rates = {each.adstock_rate for each in self.study.question.curve} if model.holds_broadcast and spec.effects else set()
            every = tuple(sorted(rates | {self.study.question.primary.adstock_rate}))
            self.systems[i, setup] = prepare(self.study.panel, setup, every, model.columns())
        return self.systems[i, setup]

    def _naive(self) -> list[EffectEstimate]:
        """The estimate of a dashboard: pooled, nothing held equal but how often the customer asked."""
        spec = Specification(self.study.question.primary.adstock_rate, ())
        blank = self._blank(self.models[0], spec, is_primary=False)
        try:
            fitted = self.models[0].fit(self._system(0, spec), spec.adstock_rate)
        except NotIdentifiedError:
            return []
        return self.models[0].rows(_sized(blank, fitted), fitted)

    def _same_sign(self, primary: list[float]) -> Check:
        """G7 over the curve's effects, and its adstock rates where broadcast is held equal."""
        question, signs = self.study.question, [value > 0 for value in primary]
        specs = dict.fromkeys(question.curve if self.models[0].holds_broadcast else
                              [Specification(question.primary.adstock_rate, spec.effects) for spec in question.curve])  # fmt: skip
        same, n_specs = 0, 0
        for spec in specs:
            for i, model in enumerate(self.models):
                n_specs += 1
                try:
                    same += int((model.decisive(model.fit(self._system(i, spec), spec.adstock_rate)) > 0) == signs[0])
                except NotIdentifiedError:
                    continue
        share = same / n_specs
        return Check(
            check_id=f"{self.claim}|same_sign_share", gate_code="G7", claim_id=self.claim, estimate_id=None, kind="spec",
            statistic="share of the specification curve with the primary's sign", value=share, threshold=question.same_sign_share,
            passed=share >= question.same_sign_share, blocking=True, detail=f"{same} of {n_specs} specifications agree in sign",
        )  # fmt: skip

    def _gates(self) -> list[Check]:
        """G1 of the instrument in use, and G2 and G3 of what the grade rests on."""
        model, primary, thresholds = self.models[0], self.study.question.primary, self.study.question.thresholds
        system = self._system(0, primary)
        regressors = model.regressors(system, primary.adstock_rate)
        found = []
        moved = next((name for name, instrument in regressors.items() if instrument == "r_instrument"), None)
        if moved is not None:
            found.append(strength_check(_strength(system, regressors, moved), thresholds.effective_f, self.claim))
        if model.tested is not None:
            placebos = [balance(system, model.tested), self._lagged_outcome(model)]
            found += placebo_checks(placebos, thresholds.family_alpha, self.claim)
        return found

    def _lagged_outcome(self, model: Model) -> Placebo:
        """G3: the outcome whose window ended before the week began must not respond to the first lever."""
        study, gate, name = self.study, "G3", "lagged_outcome"
        before = lagged(study.panel, study.panel.outcome, study.question.horizon_weeks + 1)
        rate = study.question.primary.adstock_rate
        try:
            fitted = model.fit(prepare(study.panel, model.setup, (rate,), model.columns() | {name: before}), rate, name)
        except NotIdentifiedError as error:
            return Placebo(gate, name, "placebo", None, None, None, None, f"Not computed: {error}.")
        return placebo_test(gate, name, float(fitted.coefficients[0]), float(np.sqrt(fitted.covariance[0, 0])), fitted.df,
                            "What customers did before must not follow from what happened after.")  # fmt: skip

    def _lower_grades(self, gates: list[Check]) -> None:
        balanced = any(check.gate_code == "G2" and check.p is not None and check.passed for check in gates)
        self.models = [
            replace(model, grades=("C", "C"), design="adjusted within-customer") if model.needs_balance and not balanced else model
            for model in self.models
        ]

    def _blank(self, model: Model | None, spec: Specification, is_primary: bool) -> EffectEstimate:
        study, is_naive = self.study, not spec.effects
        grades = ("D", "D") if is_naive or model is None else model.grades
        reading = f"|{model.reading}" if model is not None and model.reading else ""
        instrumented = model is not None and any(lever.instrument for lever in (*model.levers, *model.held))
        return EffectEstimate(
            estimate_id=f"{self.claim}|{spec.spec_id}{reading}",
            claim_id=self.claim,
            lever="contrast",
            quantity="delta",
            outcome=study.question.outcome,
            estimator="least squares, pooled" if is_naive
            else "two-stage least squares, effects absorbed" if instrumented else "least squares, effects absorbed",
            spec_id=f"{spec.spec_id}{reading}",
            design="none (naive)" if is_naive else "none" if model is None else model.design,
            evidence_grade_r=grades[0],
            evidence_grade_b=grades[1],
            is_primary=is_primary,
            is_naive=is_naive,
            unit=study.question.outcome_unit,
            n_obs=len(study.panel),
            n_customers=study.facts.n_customers,
            n_tickets=study.facts.n_tickets,
            n_shifts=study.facts.n_shifts,
            window_start=study.panel.first_week,
            window_end=study.panel.last_week,
        )  # fmt: skip

    def _coverage(self) -> Check:
        facts, least = self.study.facts, self.study.question.join_coverage
        share = facts.n_resolved_messages / facts.n_customer_messages if facts.n_customer_messages else None
        return Check(
            check_id=f"{self.claim}|join_coverage", gate_code="G9", claim_id=self.claim, estimate_id=None, kind="dq",
            statistic="share of customer messages that belong to a known customer", value=share, threshold=least,
            passed=share is not None and share >= least, blocking=True,
            detail=f"{facts.n_resolved_messages} of {facts.n_customer_messages} customer messages",
        )  # fmt: skip

    def _computable(self, failure: str | None) -> Check:
        return Check(
            check_id=f"{self.claim}|computable", gate_code="G9", claim_id=self.claim, estimate_id=None, kind="dq",
            statistic="whether the primary estimate can be computed", value=float(failure is None), threshold=1.0,
            passed=failure is None, blocking=True, detail=failure or "the primary estimate was computed",
        )  # fmt: skip


def tell(blank: EffectEstimate, told: Told, fitted: Fitted) -> EffectEstimate:
    """The row of one combination of a fit's coefficients."""
    weights = np.array(told.weights)
    value = float(weights @ fitted.coefficients)
    se = float(np.sqrt(max(float(weights @ fitted.covariance @ weights), 0.0)))
    interval = t_interval(value, se, fitted.df)
    return replace(
        blank,
        estimate_id=f"{blank.estimate_id}|{told.lever}|{told.quantity}",
        lever=told.lever,
        quantity=told.quantity,
        unit=told.unit,
        estimate=value,
        se=se,
        mde=MDE_STANDARD_ERRORS * se,
        p_claim=interval.p if told.quantity == "delta" and blank.is_primary else None,
        scale_p25=told.scale[0] if told.scale else None,
        scale_p75=told.scale[1] if told.scale else None,
        contact_rate=told.rate,
        **vars(interval),
    )


def _sized(blank: EffectEstimate, fitted: Fitted) -> EffectEstimate:
    return replace(
        blank,
        se_type=fitted.se_type,
        df=fitted.df,
        n_obs=fitted.n_rows,
        n_clusters_1=fitted.n_clusters_1,
        n_clusters_2=fitted.n_clusters_2,
        max_cluster_share=fitted.max_cluster_share,
    )


def _strength(system: System, regressors: dict[str, str | None], moved: str) -> Strength:
    """Effective F of one lever's instrument, and the Anderson-Rubin set of its coefficient."""
    if system.clusters is None:
        return Strength(None, None, None)
    positions, instruments = system.lever_positions(regressors)
    at = list(regressors).index(moved)
    endogenous, excluded = positions[at], instruments[at]
    exogenous = [position for i, position in enumerate(instruments) if i != at]
    try:
        first = effective_f(system.absorbed, endogenous, [excluded], exogenous, system.clusters, system.n_instrument_effects)
        values = anderson_rubin_set(
            system.absorbed, system.at["outcome"], endogenous, excluded, exogenous, system.clusters,
            n_instrument_effects=system.n_instrument_effects,
        )  # fmt: skip
    except NotIdentifiedError:
        return Strength(None, None, None)
    bounded = values.kind == "interval"
    return Strength(first.effective_f, values.lo if bounded else None, values.hi if bounded else None)
