"""Time to an event: Cox regression on (start, stop] rows and the Kaplan-Meier curve."""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipelines.claim.linear import RANK_TOLERANCE, Floats, NotIdentifiedError

MAX_ITERATIONS = 60
# Largest Newton step that counts as done, in standard deviations of the covariates.
STEP_TOLERANCE = 1e-10


@dataclass(frozen=True)
class CoxFit:
    """A proportional hazards model.

    Args:
        coefficients: (k,) log hazard ratios.
        covariance: (k, k) inverse of the observed information.
        log_likelihood: partial, at the coefficients.
        log_likelihood_null: partial, at zero.
        n_rows, n_events: counts.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    log_likelihood_null: float
    n_rows: int
    n_events: int

    @property
    def standard_errors(self) -> Floats:
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class SurvivalCurve:
    """Survival by the product limit.

    Args:
        times: (m,) distinct event times.
        survival: (m,) right after each.
        se: (m,) by Greenwood's formula; 0 once survival is 0.
        ci_lo, ci_hi: (m,) log-log interval; the value itself where survival is 1 or 0.
        n_at_risk, n_events: (m,) just before and at each time.
        median: first time with survival at or below one half; infinite if none.
        median_lo, median_hi: first times at which the bounds reach one half (Brookmeyer and Crowley 1982).
    """

    times: Floats
    survival: Floats
    se: Floats
    ci_lo: Floats
    ci_hi: Floats
    n_at_risk: Floats
    n_events: Floats
    median: float
    median_lo: float
    median_hi: float


def cox(start: Floats, stop: Floats, is_event: NDArray[np.bool_], covariates: Floats) -> CoxFit:
    """Maximum partial likelihood with Efron's ties (Cox 1972; Efron 1977; Andersen and Gill 1982).

    A row is at risk at t where start < t <= stop: covariates that change take one row for each value, so that
    nobody counts as exposed before the exposure.

    Args:
        start, stop: (n,) start below stop.
        is_event: (n,) whether the event happens at stop.
        covariates: (n, k).

    Raises:
        NotIdentifiedError: no events, collinear covariates, or a covariate that separates the events.
        ValueError: an interval that is empty or not finite, or a covariate that is not finite.
    """
    if not (np.all(start < stop) and np.all(np.isfinite(stop)) and np.all(np.isfinite(covariates))):
        raise ValueError("an empty or infinite interval, or a covariate that is not finite")
    if not is_event.any():
        raise NotIdentifiedError("no events")
    centred = covariates - covariates.mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    if np.any(scale <= RANK_TOLERANCE * np.sqrt((covariates**2).mean(axis=0))):
        raise NotIdentifiedError("a covariate has no variation of its own")
    likelihood = _PartialLikelihood.of(start, stop, is_event, centred / scale)
    beta = np.zeros(covariates.shape[1])
    null = value = likelihood.value(beta)
    for _ in range(MAX_ITERATIONS):
        gradient, information = likelihood.derivatives(beta)
        if np.linalg.eigvalsh(information)[0] <= RANK_TOLERANCE * is_event.sum():
            raise NotIdentifiedError("covariates are collinear or separate the events")
        step = np.linalg.solve(information, gradient)
        while (trial := likelihood.value(beta + step)) < value - 1e-9 * abs(value) and np.abs(step).max() > STEP_TOLERANCE:
            step = step / 2
        beta, value = beta + step, trial
        if np.abs(step).max() <= STEP_TOLERANCE:
            _, information = likelihood.derivatives(beta)
            covariance = np.linalg.inv(information) / np.outer(scale, scale)
            return CoxFit(beta / scale, covariance, value, null, len(stop), int(is_event.sum()))
    raise NotIdentifiedError("a covariate separates the events: the likelihood has no maximum")


def kaplan_meier(time: Floats, is_event: NDArray[np.bool_], start: Floats | None = None, level: float = 0.95) -> SurvivalCurve:
    """Product-limit curve (Kaplan and Meier 1958) with Greenwood's variance (1926).

    Args:
        time: (n,) of the event or of the end of observation.
        is_event: (n,).
        start: (n,) from when each is observed, open; 0 for all if not given.
        level: of the pointwise intervals.

    Raises:
        NotIdentifiedError: no events.
    """
    if not is_event.any():
        raise NotIdentifiedError("no events")
    times, n_events = np.unique(time[is_event], return_counts=True)
    n_at_risk = (len(time) - np.searchsorted(np.sort(time), times, side="left")).astype(np.float64)
    if start is not None:
        n_at_risk -= len(start) - np.searchsorted(np.sort(start), times, side="left")
    survival = np.cumprod(1 - n_events / n_at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.cumsum(n_events / (n_at_risk * (n_at_risk - n_events)))
        half = float(stats.norm.ppf((1 + level) / 2)) * np.sqrt(relative) / np.abs(np.log(survival))
        is_inside = (survival > 0) & (survival < 1)
        lo = np.where(is_inside, survival ** np.exp(half), survival)
        hi = np.where(is_inside, survival ** np.exp(-half), survival)
        se = np.where(survival > 0, survival * np.sqrt(relative), 0.0)
    median, median_lo, median_hi = (_first_at_half(times, curve) for curve in (survival, lo, hi))
    return SurvivalCurve(times, survival, se, lo, hi, n_at_risk, n_events.astype(np.float64), median, median_lo, median_hi)


def _first_at_half(times: Floats, curve: Floats) -> float:
    reached = np.flatnonzero(curve <= 0.5 * (1 + 1e-12))
    return float(times[reached[0]]) if len(reached) else inf


@dataclass(frozen=True)
class _PartialLikelihood:
    """Efron's partial likelihood; risk sets are differences of cumulative sums over sorted ends and starts.

    Args:
        x: (n, k) covariates.
        by_stop, by_start: (n,) rows by descending stop and start.
        n_stop, n_start: (m,) rows that end at or after, and that begin at or after, each event time.
        events: rows with an event, by event time.
        tie: (d,) number of the event time of each of them.
        share: (d,) Efron's share l / d of the tied sum that is taken off for each of them.
    """

    x: Floats
    by_stop: NDArray[np.int64]
    by_start: NDArray[np.int64]
    n_stop: NDArray[np.int64]
    n_start: NDArray[np.int64]
    events: NDArray[np.int64]
    tie: NDArray[np.int64]
    share: Floats

    @classmethod
    def of(cls, start: Floats, stop: Floats, is_event: NDArray[np.bool_], x: Floats) -> "_PartialLikelihood":
        times, tie, sizes = np.unique(stop[is_event], return_inverse=True, return_counts=True)
        order = np.argsort(tie, kind="stable")
        tie = tie[order]
        firsts = np.cumsum(sizes) - sizes
        share = (np.arange(len(tie)) - firsts[tie]) / sizes[tie]
        return cls(
            x=x,
            by_stop=np.argsort(-stop, kind="stable"),
            by_start=np.argsort(-start, kind="stable"),
            n_stop=len(stop) - np.searchsorted(np.sort(stop), times, side="left"),
            n_start=len(start) - np.searchsorted(np.sort(start), times, side="left"),
            events=np.flatnonzero(is_event)[order],
            tie=tie,
            share=share,
        )

    def value(self, beta: Floats) -> float:
        eta = self.x @ beta
        top = float(eta.max())
        risk = self._at_events(np.exp(eta - top)[:, None])[:, 0]
        if np.any(risk <= 0) or not isfinite(top):
            return -inf
        return float(np.sum(eta[self.events] - top) - np.sum(np.log(risk)))

    def derivatives(self, beta: Floats) -> tuple[Floats, Floats]:
        """Gradient (k,) and observed information (k, k)."""
        n, k = self.x.shape
        eta = self.x @ beta
        weight = np.exp(eta - eta.max())
        weighted = weight[:, None] * self.x
        squares = (weighted[:, :, None] * self.x[:, None, :]).reshape(n, k * k)
        sums = self._at_events(np.column_stack([weight, weighted, squares]))
        mean = sums[:, 1 : k + 1] / sums[:, :1]
        second = (sums[:, k + 1 :] / sums[:, :1]).sum(axis=0).reshape(k, k)
        return self.x[self.events].sum(axis=0) - mean.sum(axis=0), second - mean.T @ mean

    def _at_events(self, values: Floats) -> Floats:
        """Sums (d, c) of values (n, c) over the risk set of each event, less Efron's share of those tied with it."""
        ended = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[self.by_stop], axis=0)])
        begun = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[self.by_start], axis=0)])
        at_risk = ended[self.n_stop] - begun[self.n_start]
        tied = np.add.reduceat(values[self.events], np.flatnonzero(np.diff(self.tie, prepend=-1)), axis=0)
        return at_risk[self.tie] - self.share[:, None] * tied[self.tie]
