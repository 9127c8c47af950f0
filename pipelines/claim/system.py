"""The joint system of both levers: one outcome on responsiveness and broadcast, with effects absorbed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pipelines.claim.clustering import Clusters, cluster_covariance
from pipelines.claim.designs import Choice
from pipelines.claim.instrumental import IVFit, fit_instrumented, partialled_jackknife
from pipelines.claim.linear import (
    AbsorbedColumns,
    Floats,
    Integers,
    NotIdentifiedError,
    absorb_within_clusters,
    codes,
    fit_absorbed,
    independent,
    keep_without_singletons,
    triangle_of,
)
from pipelines.claim.sample import Panel

MIN_CUSTOMERS = 2
SEVERITIES = tuple(f"n_severity_{level}" for level in range(1, 6))
R_INSTRUMENTS = {"experiment": "n_trial_treated", "roster": "total_shortfall", "agent": "total_agent_leave_one_out"}
# What must be held fixed for an instrument to be as good as random.
R_CONTROLS = {"experiment": ("n_trial_turns",), "roster": ("total_log_arrivals",), "agent": ("n_leave_one_out_turns",)}


@dataclass(frozen=True)
class Setup:
    """How a system is estimated.

    Args:
        responsiveness: design of the responsiveness lever.
        broadcast: design of the broadcast lever.
        effects: absorbed effects: `customer`, `week`, `week_by_contact`, `slot`; none pools.
        keeps_incidents: whether turns in incident shifts stay in.
        has_controls: whether recorded severity and targeting are controls.
        r_instrument: column to use instead of the design's instrument, e.g. the queue load.
    """

    responsiveness: str
    broadcast: str
    effects: tuple[str, ...]
    keeps_incidents: bool = False
    has_controls: bool = True
    r_instrument: str | None = None


@dataclass(frozen=True)
class Fitted:
    """The levers' coefficients.

    Args:
        coefficients: (k,) of responsiveness and broadcast, or of the levers asked for.
        covariance: (k, k).
        df: degrees of freedom of t.
        se_type: how the standard errors are made.
        n_rows, n_clusters_1, n_clusters_2, max_cluster_share: sizes; no second clusters are None.
        iv: the whole fit, where it came from `fit_instrumented`.
    """

    coefficients: Floats
    covariance: Floats
    df: float
    se_type: str
    n_rows: int
    n_clusters_1: int
    n_clusters_2: int | None
    max_cluster_share: float
    iv: IVFit | None = None


@dataclass(frozen=True)
class System:
    """A panel's columns with effects removed, ready for any number of fits.

    Args:
        absorbed: the columns.
        at: position of each column by name; a broadcast lever is `broadcast@rate`.
        controls: positions of the controls that add something.
        clusters: of the rows kept; None clusters by brand.
        n_instrument_effects: K of the cluster-level degrees-of-freedom factor.
        panel: the rows kept.
        setup: how.
    """

    absorbed: AbsorbedColumns
    at: dict[str, int]
    controls: list[int]
    clusters: Clusters | None
    n_instrument_effects: int
    panel: Panel
    setup: Setup

    def lever(self, rate: float) -> str:
        return f"broadcast@{rate:g}"

    def positions(self, rate: float) -> tuple[list[int], list[int]]:
        """Positions of regressors and of instruments: responsiveness, broadcast, controls."""
        regressors = [self.at["responsiveness"], self.at[self.lever(rate)], *self.controls]
        instruments = regressors.copy()
        if "r_instrument" in self.at:
            instruments[0] = self.at["r_instrument"]
        if "b_instrument" in self.at:
            instruments[1] = self.at["b_instrument"]
        return regressors, instruments

    def fit(self, rate: float, outcome: str = "outcome") -> Fitted:
        """Fit the system at an adstock rate.

        Raises:
            NotIdentifiedError: the sample can't tell the coefficients.
        """
        regressors, instruments = self.positions(rate)
        return self._fitted(outcome, regressors, instruments, 2)

    def fit_levers(self, levers: dict[str, str | None], outcome: str = "outcome") -> Fitted:
        """Fit other levers than the two of the claim on service and broadcast, with the same controls and clusters.

        Args:
            levers: names of columns, and the column that instruments each of them, if any.
            outcome: name of the outcome's column.

        Returns:
            The coefficients of the levers, in their order.

        Raises:
            NotIdentifiedError: the sample can't tell the coefficients; names the lever that says nothing of its own.
        """
        regressors, instruments = self.lever_positions(levers)
        return self._fitted(outcome, regressors, instruments, len(levers))

    def lever_positions(self, levers: dict[str, str | None]) -> tuple[list[int], list[int]]:
        """Positions of regressors and of instruments: the levers, then the controls that add something to them.

        Raises:
            NotIdentifiedError: a lever, or an instrument, does not vary apart from the others.
        """
        kept = []
        for names in ([*levers], [instrument or lever for lever, instrument in levers.items()]):
            wanted = [self.at[name] for name in names]
            adding = independent(self._triangle, [*wanted, *self.controls])
            for name, position in zip(names, wanted, strict=True):
                if position not in adding:
                    raise NotIdentifiedError(f"{name.replace('_', ' ')} does not vary apart from the effects and the other levers")
            kept.append((wanted, set(adding)))
        (regressors, adding_to_levers), (instruments, adding_to_instruments) = kept
        controls = [position for position in self.controls if position in adding_to_levers & adding_to_instruments]
        return [*regressors, *controls], [*instruments, *controls]

    @cached_property
    def _triangle(self) -> AbsorbedColumns:
        """The columns in as few rows as there are columns: enough to tell which say something of their own."""
        return replace(self.absorbed, residuals=triangle_of(self.absorbed.residuals))

    def _fitted(self, outcome: str, regressors: list[int], instruments: list[int], k: int) -> Fitted:
        if self.clusters is None:
            fit = fit_absorbed(self.absorbed, self.at[outcome], regressors)
            return Fitted(fit.coefficients[:k], fit.covariance[:k, :k], float(fit.n_clusters - 1), "CRV1 by brand", fit.n_rows,
                          fit.n_clusters, None, fit.max_cluster_share)  # fmt: skip
        iv = fit_instrumented(
            self.absorbed, self.at[outcome], regressors, instruments, self.clusters, self.n_instrument_effects, n_wanted=k
        )
        clustered, df = iv.clustered, float(iv.clustered.df)
        by = "customer and shift" if self.clusters.second is not None else "customer"
        if _is_by_agent(self.panel, self.setup) and self.clusters.second is not None:
            by = "customer and agent, CRV3 by agent"
            second = partialled_jackknife(self.absorbed, self.at[outcome], regressors, instruments, self.clusters.second)
            clustered = cluster_covariance(iv.influence, np.eye(k), self.clusters, second_part=second[:k, :k])
            df = min(df, self._effective_agents(self.clusters.second))
        factor = f", times {clustered.df_factor:.4f}" if clustered.df_factor != 1 else ""
        return Fitted(iv.coefficients[:k], clustered.covariance, df, f"CGM by {by}{factor}", iv.n_rows,
                      clustered.n_clusters_first, clustered.n_clusters_second or None, iv.max_cluster_share, iv)  # fmt: skip

    def _effective_agents(self, agent: Integers) -> float:
        """Degrees of freedom of t: (sum w)^2 / sum w^2, w an agent's squared sum of the partialled instrument.

        A shock to each agent, of equal variance, makes a variance estimate with so many (Satterthwaite 1946; Bell and
        McCaffrey 2002; Imbens and Kolesar 2016, without their correction for estimated residuals): the fastest and the
        slowest few agents carry it.
        """
        z = self.absorbed.partialled([self.at["r_instrument"]], self.controls)[:, 0]
        chosen = agent >= 0
        weight = np.bincount(codes(agent[chosen]), weights=z[chosen]) ** 2
        return float(weight.sum() ** 2 / np.sum(weight**2))


def setup_of(choice: Choice, effects: tuple[str, ...]) -> Setup:
    """The setup of the chosen designs with a plan's effects; a roster adds the effects of its slots."""
    if choice.responsiveness.design == "roster":
        effects = (*effects, "slot")
    return Setup(choice.responsiveness.design, choice.broadcast.design, effects)


def prepare(panel: Panel, setup: Setup, rates: tuple[float, ...], extra: dict[str, Floats] | None = None) -> System:
    """Drop the rows that a design can't use, and remove the effects from all columns once.

    Args:
        panel: the sample.
        setup: designs and effects.
        rates: adstock rates to prepare.
        extra: further columns (n,) by name, e.g. a lagged outcome; rows where one is NaN are left out.

    Raises:
        NotIdentifiedError: too few customers are left.
    """
    extra = extra or {}
    keep = _usable_rows(panel, setup)
    for values in extra.values():
        keep &= np.isfinite(values)
    panel, extra = panel.rows(keep), {name: values[keep] for name, values in extra.items()}
    effects = [_effect(panel, name) for name in _absorbable(panel, setup)]
    if effects:
        alone = keep_without_singletons(effects)
        panel, extra = panel.rows(alone), {name: values[alone] for name, values in extra.items()}
        effects = [codes(effect[alone]) for effect in effects]
    if len(np.unique(panel.customer)) < MIN_CUSTOMERS:
        raise NotIdentifiedError(f"fewer than {MIN_CUSTOMERS} customers with more than one week")
    columns = {"outcome": panel.outcome, "responsiveness": panel.responsiveness}
    columns |= {f"broadcast@{rate:g}": panel.broadcast[rate] for rate in rates}
    columns |= _instruments(panel, setup) | extra
    controls = _controls(panel, setup)
    names = [*columns, *controls]
    absorbed = absorb_within_clusters(np.column_stack([*columns.values(), *controls.values()]), effects, _first_cluster(panel, setup))
    at = {name: position for position, name in enumerate(names)}
    return System(
        absorbed=absorbed,
        at=at,
        controls=independent(absorbed, [at[name] for name in controls]),
        clusters=_clusters(panel, setup),
        n_instrument_effects=_instrument_effects(panel, setup),
        panel=panel,
        setup=setup,
    )


def _usable_rows(panel: Panel, setup: Setup) -> np.ndarray:
    asked = panel.turns > 0
    keep = np.ones(len(panel), dtype=bool)
    if setup.responsiveness == "roster":
        keep &= ~asked | np.isfinite(panel.columns["total_shortfall"])
        if not setup.keeps_incidents and (incident := panel.column("is_incident")) is not None:
            keep &= ~(asked & (incident > 0))
    if setup.broadcast == "experiment":
        keep &= np.isfinite(panel.columns["is_holdout"])
    return keep


def _absorbable(panel: Panel, setup: Setup) -> tuple[str, ...]:
    """The effects, without the customer's where the holdout began before the panel and never varies within one."""
    if setup.broadcast == "experiment" and "customer" in setup.effects and len(panel):
        held = panel.columns["is_holdout"]
        first = np.zeros(int(panel.customer.max()) + 1)
        first[panel.customer] = held
        if np.array_equal(first[panel.customer], held):
            return tuple(name for name in setup.effects if name != "customer")
    return setup.effects


def _effect(panel: Panel, name: str) -> Integers:
    asked = (panel.turns > 0).astype(np.int64)
    if name == "customer":
        return panel.customer
    if name == "week":
        return panel.week
    if name == "week_by_contact":
        return codes(panel.week * 2 + asked)
    if name == "slot" and panel.slot is not None:
        return panel.slot
    raise ValueError(f"no effect is called {name}")


def _instruments(panel: Panel, setup: Setup) -> dict[str, Floats]:
    found = {}
    name = setup.r_instrument or R_INSTRUMENTS.get(setup.responsiveness)
    if name is not None:
        # Fewer hours than planned, or more load, is less responsiveness.
        sign = -1.0 if name in ("total_shortfall", "total_load") else 1.0
        found["r_instrument"] = sign * np.nan_to_num(panel.columns[name])
    if setup.broadcast == "experiment":
        found["b_instrument"] = -panel.columns["is_holdout"]
    return found


def _controls(panel: Panel, setup: Setup) -> dict[str, Floats]:
    controls = {"turns": panel.turns}
    # Contact has effects of its own where weeks do by contact.
    if "week_by_contact" not in setup.effects:
        controls["any_turn"] = (panel.turns > 0).astype(np.float64)
    if not setup.effects:
        controls["constant"] = np.ones(len(panel))
    if not setup.has_controls:
        return controls
    for name in (*SEVERITIES, "targeting_score", *R_CONTROLS.get(setup.responsiveness, ())):
        values = panel.column(name)
        if values is None or (name == "total_log_arrivals" and setup.r_instrument == "total_load"):
            continue
        missing = ~np.isfinite(values)
        controls[name] = np.where(missing, 0.0, values)
        if missing.any():
            controls[f"{name}_missing"] = missing.astype(np.float64)
    return controls


def _is_by_brand(panel: Panel, setup: Setup) -> bool:
    return panel.broadcast_reach == "brand" and setup.responsiveness == "adjusted" and setup.r_instrument is None


def _first_cluster(panel: Panel, setup: Setup) -> Integers:
    return panel.brand if _is_by_brand(panel, setup) else panel.customer


def _clusters(panel: Panel, setup: Setup) -> Clusters | None:
    if _is_by_brand(panel, setup):
        return None
    return Clusters(codes(panel.customer), panel.agent if _is_by_agent(panel, setup) else panel.shift)


def _is_by_agent(panel: Panel, setup: Setup) -> bool:
    """Whether the instrument varies by agent: whatever else tells the agents apart is then drawn as often as there are agents."""
    return setup.responsiveness == "agent" and setup.r_instrument is None and panel.agent is not None


def _instrument_effects(panel: Panel, setup: Setup) -> int:
    """K: week and slot effects on which an instrument that varies by shift is partialled."""
    if setup.responsiveness != "roster" or panel.shift is None or panel.slot is None or not setup.effects:
        return 0
    asked = panel.shift >= 0
    slots = len(np.unique(panel.slot[asked])) if "slot" in setup.effects else 0
    return len(np.unique(panel.week[asked])) + slots


def lagged(panel: Panel, values: Floats, weeks: int) -> Floats:
    """(n,) the value of the same customer `weeks` earlier; NaN where the panel does not reach back.

    Args:
        panel: the sample, in any order.
        values: (n,) by row of the panel.
        weeks: how far back.
    """
    width = int(panel.week.max()) + 1 if len(panel) else 1
    known = np.full((int(panel.customer.max()) + 1 if len(panel) else 1) * width, np.nan)
    key = panel.customer * width + panel.week
    known[key] = values
    before = np.where(panel.week >= weeks, key - weeks, 0)
    return np.where(panel.week >= weeks, known[before], np.nan)
