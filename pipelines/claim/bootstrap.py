"""Wild cluster bootstrap with the null imposed, from cross products by cluster alone."""

from collections.abc import Callable
from dataclasses import dataclass
from math import copysign, inf, sqrt
from typing import Literal

import numpy as np

from pipelines.claim.linear import RANK_TOLERANCE, Floats, Integers, NotIdentifiedError

# Two-point weights can't resolve 5 % with fewer clusters (Webb 2014).
MIN_CLUSTERS_RADEMACHER = 12
WEBB = np.array([-sqrt(1.5), -1.0, -sqrt(0.5), sqrt(0.5), 1.0, sqrt(1.5)])


@dataclass(frozen=True)
class WildBootstrap:
    """A restricted wild cluster bootstrap of one coefficient.

    Args:
        coefficient: the estimate.
        t: its CRV1 t statistic against the null, without small-sample factor.
        p: symmetric p-value, (1 + draws at least as large) / (1 + draws).
        ci_lo, ci_hi: values not rejected; infinite where no value within 2^21 standard errors is.
        weights: Webb's six points with fewer than 12 clusters, else Rademacher's two.
        n_clusters, n_draws: counts.
    """

    coefficient: float
    t: float
    p: float
    ci_lo: float
    ci_hi: float
    weights: Literal["rademacher", "webb"]
    n_clusters: int
    n_draws: int


def cluster_grams(columns: Floats, clusters: Integers) -> Floats:
    """Cross products (g, m, m) of columns (n, m) within each cluster, codes (n,) from 0."""
    n_columns = columns.shape[1]
    grams = np.empty((int(clusters.max()) + 1, n_columns, n_columns))
    for i in range(n_columns):
        for j in range(i, n_columns):
            grams[:, i, j] = grams[:, j, i] = np.bincount(clusters, weights=columns[:, i] * columns[:, j], minlength=len(grams))
    return grams


def wild_cluster_bootstrap(
    grams: Floats,
    outcome: int,
    regressor: int,
    exogenous: list[int],
    instrument: int | None = None,
    null: float = 0.0,
    level: float = 0.95,
    n_draws: int = 999,
    seed: int = 0,
) -> WildBootstrap:
    """Test and interval of one coefficient by the wild cluster bootstrap.

    Least squares: WCR of Cameron, Gelbach and Miller (2008). With an instrument: the restricted efficient
    bootstrap of Davidson and MacKinnon (2010), whose first stage conditions on the restricted residuals, with
    weights by cluster (Davidson and MacKinnon 2014). Both need only cross products by cluster (MacKinnon 2023).
    Effects absorbed before are handled exactly if they nest in the clusters; put others among the columns.

    Args:
        grams: (g, m, m) of `cluster_grams`.
        outcome: position of the outcome.
        regressor: position of the regressor tested.
        exogenous: positions of the other regressors, all exogenous.
        instrument: position of the regressor's only instrument; None for least squares.
        null: value tested.
        level: of the interval.
        n_draws: bootstrap samples B.
        seed: of the weights.

    Raises:
        NotIdentifiedError: fewer than two clusters, collinear columns, or an instrument that moves nothing.
    """
    model = _Model.of(grams, outcome, regressor, exogenous, instrument)
    n_clusters = len(grams)
    is_webb = n_clusters < MIN_CLUSTERS_RADEMACHER
    draws = np.random.default_rng(seed).choice(WEBB if is_webb else np.array([-1.0, 1.0]), size=(n_draws, n_clusters))
    estimate, se = model.coefficient, model.se

    def p_at(value: float) -> float:
        t = abs(estimate - value) / se
        # Weights that are all 1 give the sample itself back and must count as equal despite rounding.
        return float((1 + np.sum(np.abs(model.bootstrap_t(value, draws)) >= t * (1 - 1e-10))) / (1 + n_draws))

    return WildBootstrap(
        coefficient=estimate,
        t=(estimate - null) / se,
        p=p_at(null),
        ci_lo=interval_end(p_at, estimate, -2 * se, level),
        ci_hi=interval_end(p_at, estimate, 2 * se, level),
        weights="webb" if is_webb else "rademacher",
        n_clusters=n_clusters,
        n_draws=n_draws,
    )


def interval_end(p_at: Callable[[float], float], estimate: float, step: float, level: float, n_halvings: int = 40) -> float:
    """The last value before one that is rejected, going out from the estimate; infinite if none within 2^20 steps is.

    Args:
        p_at: p-value of a value.
        estimate: where the search begins.
        step: first step, below zero for the lower end.
        level: of the interval.
        n_halvings: of the step that the end lies in.
    """
    inside, farthest, alpha = estimate, 2**20 * abs(step), round(1 - level, 12)
    while p_at(estimate + step) > alpha:
        inside, step = estimate + step, 2 * step
        if abs(step) > farthest:
            return copysign(inf, step)
    outside = estimate + step
    for _ in range(n_halvings):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if p_at(middle) > alpha else (inside, middle)
    return inside


def bootstrap_statistics(
    grams: Floats, outcome: int, regressor: int, exogenous: list[int], draws: Floats, instrument: int | None = None, null: float = 0.0
) -> Floats:
    """The t statistics (B,) of samples made with given weights (B, g), without small-sample factor.

    The other arguments and errors are those of `wild_cluster_bootstrap`.
    """
    return _Model.of(grams, outcome, regressor, exogenous, instrument).bootstrap_t(null, draws)


@dataclass(frozen=True)
class _Model:
    """Cross products of the outcome, the regressor and the partialled instrument; columns are told by weights (m,)."""

    grams: Floats
    total: Floats
    outcome: Floats
    regressor: Floats
    z: Floats
    exogenous: list[int]
    is_instrumented: bool

    @classmethod
    def of(cls, grams: Floats, outcome: int, regressor: int, exogenous: list[int], instrument: int | None) -> "_Model":
        if len(grams) < 2:
            raise NotIdentifiedError(f"{len(grams)} cluster(s); at least 2 are needed")
        total = grams.sum(axis=0)
        unit = np.eye(len(total))
        excluded = regressor if instrument is None else instrument
        z = unit[excluded].copy()
        columns = [excluded, *exogenous]
        scale = np.sqrt(np.diag(total)[columns])
        if np.any(scale == 0) or np.linalg.eigvalsh(total[np.ix_(columns, columns)] / np.outer(scale, scale))[0] <= RANK_TOLERANCE:
            raise NotIdentifiedError("columns are collinear")
        z -= _projection(total, unit[excluded], exogenous)
        strength = z @ total @ unit[regressor]
        if abs(strength) <= RANK_TOLERANCE * sqrt((z @ total @ z) * total[regressor, regressor]):
            raise NotIdentifiedError("the instrument does not move the regressor")
        model = cls(grams, total, unit[outcome], unit[regressor], z, exogenous, instrument is not None)
        if model.se**2 * float(z @ total @ z) <= RANK_TOLERANCE**2 * total[outcome, outcome]:
            raise NotIdentifiedError("no residual variation")
        return model

    @property
    def coefficient(self) -> float:
        return float(self.z @ self.total @ self.outcome / (self.z @ self.total @ self.regressor))

    @property
    def se(self) -> float:
        error = self.outcome - self.coefficient * self.regressor
        error = error - _projection(self.total, error, self.exogenous)
        scores = self.grams @ error @ self.z
        return float(np.sqrt(scores @ scores) / abs(self.z @ self.total @ self.regressor))

    def bootstrap_t(self, value: float, draws: Floats) -> Floats:
        """t statistics (B,) against the value, in samples that obey it."""
        restricted = self.outcome - value * self.regressor
        first = restricted - _projection(self.total, restricted, self.exogenous)
        strength, second = self._first_stage(first)
        own_zz = self.grams @ self.z @ self.z
        moment = draws * (self.grams @ first @ self.z)
        moved = draws * (self.grams @ second @ self.z) + strength * own_zz
        movement = moved.sum(axis=1)
        deviation = moment.sum(axis=1) / movement
        if self.exogenous:
            # The residuals of each sample are partialled on the exogenous regressors anew.
            w = self.grams[:, self.exogenous]
            solved = np.linalg.solve(self.total[np.ix_(self.exogenous, self.exogenous)], (w @ self.z).T)
            moment = moment - draws @ (w @ first) @ solved
            moved = moved - draws @ (w @ second) @ solved
        scores = moment - deviation[:, None] * moved
        spread = np.sqrt(np.einsum("ij,ij->i", scores, scores)) / np.abs(movement)
        return np.divide(deviation, spread, out=np.full(len(draws), inf), where=spread > 0)

    def _first_stage(self, error: Floats) -> tuple[float, Floats]:
        """Coefficient of the instrument and residuals of the regressor, efficient under the null."""
        if not self.is_instrumented:
            return 1.0, np.zeros_like(error)
        # Partialled on the exogenous regressors, the regressor is fitted on the instrument and the error.
        x = self.regressor - _projection(self.total, self.regressor, self.exogenous)
        both = np.column_stack([self.z, error])
        gram = both.T @ self.total @ both
        strength, _ = np.linalg.lstsq(gram, both.T @ self.total @ x, rcond=None)[0]
        return float(strength), x - strength * self.z


def _projection(total: Floats, column: Floats, onto: list[int]) -> Floats:
    """Weights (m,) of the projection of a column on columns at positions."""
    weights = np.zeros(len(total))
    if onto:
        rows = total[onto]
        weights[onto] = np.linalg.solve(rows[:, onto], rows @ column)
    return weights
