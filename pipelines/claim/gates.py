"""The identification gates of claim C1: what would have shown if the design did not hold.

G1 strength, G2 balance, G3 to G5 placebos, G6 permutation, G7 specification curve, G8 sensitivity. G2 to G5 are one
family: a gate fails where Holm's adjusted p-value is below the family's level.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from pipelines.claim.clustering import Clusters, cluster_covariance
from pipelines.claim.instrumental import anderson_rubin_set, effective_f, fit_instrumented
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError
from pipelines.claim.multiplicity import holm
from pipelines.claim.permutation import permutation_test
from pipelines.claim.results import Check, CheckKind
from pipelines.claim.sample import Panel
from pipelines.claim.system import SEVERITIES, Fitted, Setup, System, lagged, prepare

CLAIM = "C1"
WALD_LOW, PERMUTATION_HIGH = 0.01, 0.10
BALANCE_BAND = 0.05
NEED_SHORTFALL: tuple[tuple[str, str, CheckKind], ...] = (
    ("G4", "negative_control_outcome", "placebo"),
    ("G5", "negative_control_exposure", "placebo"),
    ("G6", "permutation", "permutation"),
)
"""Gates that deal out, or shift in time, a shortfall of staff."""


@dataclass(frozen=True)
class Thresholds:
    """What the plan fixes: the least effective F, the placebo family's level, permutation draws, the seed."""

    effective_f: float
    family_alpha: float
    permutation_draws: int
    seed: int


@dataclass(frozen=True)
class Strength:
    """First stage of the primary fit: effective F and the Anderson-Rubin set of beta_R."""

    effective_f: float | None
    ar_lo: float | None
    ar_hi: float | None


@dataclass(frozen=True)
class Placebo:
    """A test that must find nothing; p is None where it can't be computed."""

    gate: str
    name: str
    kind: CheckKind
    p: float | None
    value: float | None
    lo: float | None
    hi: float | None
    detail: str


def strength(system: System, rate: float) -> Strength:
    """Effective F of the responsiveness instrument, and the set of beta_R that holds however weak it is."""
    if system.clusters is None or "r_instrument" not in system.at:
        return Strength(None, None, None)
    exogenous = [system.at[system.lever(rate)], *system.controls]
    if "b_instrument" in system.at:
        exogenous[0] = system.at["b_instrument"]
    endogenous, excluded = system.at["responsiveness"], system.at["r_instrument"]
    first = effective_f(system.absorbed, endogenous, [excluded], exogenous, system.clusters, system.n_instrument_effects)
    values = anderson_rubin_set(
        system.absorbed, system.at["outcome"], endogenous, excluded, exogenous, system.clusters,
        n_instrument_effects=system.n_instrument_effects,
    )  # fmt: skip
    bounded = values.kind == "interval"
    return Strength(first.effective_f, values.lo if bounded else None, values.hi if bounded else None)


def identification_checks(
    panel: Panel, system: System, rate: float, fitted: Fitted, first: Strength, horizon_weeks: int, thresholds: Thresholds
) -> list[Check]:
    """G1 to G6 of the primary design.

    Args:
        panel: the whole sample.
        system: the primary system.
        rate: the primary adstock rate.
        fitted: the primary fit.
        first: its first stage.
        horizon_weeks: weeks over which the outcome is counted.
        thresholds: of the plan.
    """
    if "r_instrument" not in system.at:
        return []
    return [
        strength_check(first, thresholds.effective_f),
        *placebo_checks(list(_placebos(panel, system, rate, horizon_weeks)), thresholds.family_alpha),
        *_permutation_check(system, rate, fitted, thresholds),
    ]


def placebo_checks(placebos: list[Placebo], alpha: float, claim: str = CLAIM) -> list[Check]:
    """One family of placebos: a gate fails where Holm's adjusted p-value is below the family's level."""
    tested = [placebo for placebo in placebos if placebo.p is not None]
    adjusted = dict(zip((each.gate for each in tested), holm(np.array([each.p for each in tested])), strict=True)) if tested else {}
    return [_placebo_check(each, adjusted.get(each.gate), alpha, claim) for each in placebos]


def strength_check(first: Strength, least: float, claim: str = CLAIM) -> Check:
    """G1: the instrument must move what it is for."""
    value = first.effective_f
    return Check(
        check_id=f"{claim}|strength", gate_code="G1", claim_id=claim, estimate_id=None, kind="identification",
        statistic="effective first-stage F", value=value, threshold=least, passed=value is not None and value > least, blocking=True,
        detail="how strongly the instrument moves the reply time; below the threshold only the Anderson-Rubin set holds",
        lo=first.ar_lo, hi=first.ar_hi,
    )  # fmt: skip


def _placebo_check(placebo: Placebo, adjusted: float | None, alpha: float, claim: str) -> Check:
    return Check(
        check_id=f"{claim}|{placebo.name}", gate_code=placebo.gate, claim_id=claim, estimate_id=None, kind=placebo.kind,
        statistic=placebo.name.replace("_", " "), value=placebo.value, threshold=alpha, passed=adjusted is None or adjusted >= alpha,
        blocking=adjusted is not None, detail=placebo.detail + ("" if adjusted is None else f" Holm-adjusted p {adjusted:.3g}."),
        p=placebo.p, lo=placebo.lo, hi=placebo.hi,
    )  # fmt: skip


def _placebos(panel: Panel, system: System, rate: float, horizon_weeks: int) -> Iterator[Placebo]:
    yield balance(system)
    yield _lagged_outcome(panel, system, rate, horizon_weeks)
    if system.setup.responsiveness == "agent":
        for gate, name, kind in NEED_SHORTFALL:
            yield Placebo(gate, name, kind, None, None, None, None, "Not applicable: the instrument is no shortfall of staff.")
    if system.setup.responsiveness == "roster":
        yield _reduced_form(
            system, rate, "G4", "total_other_shortfall", "negative_control_outcome",
            "A shortfall in a slot that the customer did not ask in must not matter, the own one held fixed.",
        )  # fmt: skip
        yield _reduced_form(
            system, rate, "G5", "total_next_shortfall", "negative_control_exposure",
            "A shortfall one week after the question must not matter, the own one held fixed.",
        )  # fmt: skip


def agent_imbalance(panel: Panel, setup: Setup, rate: float, alpha: float) -> str | None:
    """Why it can't be shown that agents are dealt out by lot within cells; None where gate G2 finds nothing against it.

    Args:
        panel: the whole sample.
        setup: with the agent design.
        rate: an adstock rate.
        alpha: level of the test.
    """
    try:
        system = prepare(panel, setup, (rate,))
    except NotIdentifiedError as error:
        return f"balance can't be computed: {error}"
    if not any(name in system.at and system.at[name] in system.controls for name in SEVERITIES):
        return "no severity of tickets is recorded, so that nothing shows whether faster agents got easier ones"
    found = balance(system)
    if found.p is None:
        return "balance can't be computed on this sample"
    return f"faster agents got other tickets: balance of severity and targeting has p {found.p:.2g}" if found.p < alpha else None


def balance(system: System, column: str = "r_instrument") -> Placebo:
    """G2: what was settled before the reply must not go with the instrument, or with what agents bring along."""
    absorbed, panel = system.absorbed, system.panel
    names = [name for name in (*SEVERITIES, "targeting_score") if name in system.at and system.at[name] in system.controls]
    if not names or system.clusters is None:
        return Placebo(
            "G2", "instrument_balance", "balance", None, None, None, None, "No characteristic settled before the reply is recorded."
        )
    others = [position for position in system.controls if position not in [system.at[name] for name in names]]
    wanted = [system.at[column], *(system.at[name] for name in names)]
    columns = absorbed.partialled(wanted, others)
    z, features = columns[:, 0], columns[:, 1:]
    size = float(z @ z)
    slopes = features.T @ z / size
    scores = z[:, None] * (features - np.outer(z, slopes))
    # Tickets dealt out by lot are independent within an agent, and a few dozen agents are too few for five restrictions.
    clusters = Clusters(system.clusters.first) if system.setup.responsiveness == "agent" else system.clusters
    try:
        spread = cluster_covariance(scores, np.eye(len(names)) / size, clusters, system.n_instrument_effects)
        wald = float(slopes @ np.linalg.solve(spread.covariance, slopes)) / len(names)
    except (NotIdentifiedError, np.linalg.LinAlgError):
        return Placebo("G2", "instrument_balance", "balance", None, None, None, None, "The balance can't be computed on this sample.")
    asked = panel.turns > 0
    gaps = _standardised_differences(z[asked], np.column_stack([panel.columns[name] for name in names])[asked])
    detail = f"Severity and targeting by high and low instrument: largest standardised difference {gaps:.3f} (band {BALANCE_BAND})."
    return Placebo(
        "G2", "instrument_balance", "balance", float(stats.f.sf(wald, len(names), spread.df)), gaps, -BALANCE_BAND, BALANCE_BAND, detail
    )


def _standardised_differences(instrument: Floats, features: Floats) -> float:
    """Largest absolute difference in means between both halves of the instrument, in standard deviations."""
    high = instrument > np.median(instrument)
    if high.all() or not high.any():
        return 0.0
    spread = features.std(axis=0)
    gap = features[high].mean(axis=0) - features[~high].mean(axis=0)
    return float(np.max(np.abs(gap[spread > 0] / spread[spread > 0]), initial=0.0))


def _lagged_outcome(panel: Panel, system: System, rate: float, horizon_weeks: int) -> Placebo:
    """G3: the outcome whose window ended before the week began must not respond."""
    gate, name = "G3", "lagged_outcome"
    before = lagged(panel, panel.outcome, horizon_weeks + 1)
    try:
        fit = prepare(panel, system.setup, (rate,), {"lagged_outcome": before}).fit(rate, "lagged_outcome")
    except NotIdentifiedError as error:
        return Placebo(gate, name, "placebo", None, None, None, None, f"Not computed: {error}.")
    return placebo_test(gate, name, float(fit.coefficients[0]), float(np.sqrt(fit.covariance[0, 0])), fit.df,
                   "What customers did before they asked must not follow from the reply.")  # fmt: skip


def _reduced_form(system: System, rate: float, gate: str, column: str, name: str, detail: str) -> Placebo:
    values = system.panel.column(column)
    if values is None or system.clusters is None or column not in system.at:
        return Placebo(gate, name, "placebo", None, None, None, None, "Not computed: the roster does not reach that far.")
    regressors = [system.at[column], system.at["r_instrument"], system.at[system.lever(rate)], *system.controls]
    try:
        fit = fit_instrumented(
            system.absorbed, system.at["outcome"], regressors, regressors, system.clusters, system.n_instrument_effects, n_wanted=1
        )  # fmt: skip
    except NotIdentifiedError as error:
        return Placebo(gate, name, "placebo", None, None, None, None, f"Not computed: {error}.")
    return placebo_test(gate, name, float(fit.coefficients[0]), float(fit.standard_errors[0]), float(fit.df), detail)


def placebo_test(gate: str, name: str, estimate: float, se: float, df: float, detail: str) -> Placebo:
    reach = float(stats.t.ppf(0.975, df)) * se
    p = float(2 * stats.t.sf(abs(estimate) / se, df)) if se > 0 else None
    return Placebo(gate, name, "placebo", p, estimate, estimate - reach, estimate + reach, detail)


def _permutation_check(system: System, rate: float, fitted: Fitted, thresholds: Thresholds) -> Iterator[Check]:
    """G6: the shortfalls dealt out anew among like shifts must agree with the Wald test that the lever does nothing."""
    panel = system.panel
    if system.setup.responsiveness != "roster" or panel.shift is None or panel.slot is None:
        return
    controls = [system.at[system.lever(rate)], *system.controls]
    residual = system.absorbed.partialled([system.at["outcome"]], controls)[:, 0]
    wald = float(2 * stats.t.sf(abs(fitted.coefficients[0]) / np.sqrt(fitted.covariance[0, 0]), fitted.df))
    shifts, shortfall, strata = _shifts(panel, panel.shift, panel.slot)
    try:
        permuted = permutation_test(
            residual, panel.shift, shifts, shortfall, strata, panel.turns, thresholds.permutation_draws, thresholds.seed
        ).p_studentised  # fmt: skip
    except NotIdentifiedError:
        return
    conflict = min(wald, permuted) < WALD_LOW and max(wald, permuted) > PERMUTATION_HIGH
    yield Check(
        check_id=f"{CLAIM}|permutation", gate_code="G6", claim_id=CLAIM, estimate_id=None, kind="permutation",
        statistic="permutation p-value of no effect of responsiveness", value=permuted, threshold=PERMUTATION_HIGH,
        passed=not conflict, blocking=True, p=permuted,
        detail=f"Wald p {wald:.3g}, permutation p {permuted:.3g}; "
        f"a conflict is one below {WALD_LOW:g} and the other above {PERMUTATION_HIGH:g}.",
    )  # fmt: skip


def _shifts(panel: Panel, shift: Integers, slot: Integers) -> tuple[Integers, Floats, Integers]:
    """Codes of the shifts with turns, their shortfalls, and what makes them alike: queue and slot of the week."""
    asked = np.flatnonzero(shift >= 0)
    # A row with one turn has the shortfall of its shift; sums over turns of several shifts have not.
    asked = asked[np.argsort(panel.turns[asked], kind="stable")]
    shifts, first = np.unique(shift[asked], return_index=True)
    rows = asked[first]
    return shifts, panel.columns["total_shortfall"][rows] / panel.turns[rows], slot[rows]


def same_sign_check(deltas: list[float | None], primary: float, estimate_id: str, least: float) -> Check:
    """G7: share of the specification curve with the primary's sign; one that can't be computed does not agree."""
    same = sum(1 for delta in deltas if delta is not None and delta * primary > 0)
    share = same / len(deltas)
    return Check(
        check_id=f"{CLAIM}|same_sign_share", gate_code="G7", claim_id=CLAIM, estimate_id=estimate_id, kind="spec",
        statistic="share of the specification curve with the primary's sign", value=share, threshold=least, passed=share >= least,
        blocking=True, detail=f"{same} of {len(deltas)} specifications agree in sign",
    )  # fmt: skip


def nonblocking(check: Check) -> Check:
    """The same check, shown but not deciding."""
    return replace(check, blocking=False)
