"""Clustered regressions from per-cluster sufficient statistics, without the rows.

After effects are absorbed, least squares needs the columns only through their cross-products, and
cluster-robust inference only through those of each cluster: a cluster's score is X_g'y_g - X_g'X_g b.
So coefficients, CRV1, CRV3 and the wild bootstrap of any choice of columns cost no second pass over the rows.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.claim.linear import RANK_TOLERANCE, ClusteredFit, Floats, Integers, NotIdentifiedError


@dataclass(frozen=True)
class LevelStatistics:
    """What each cluster says about the levels (weeks) of the second effect, for inference that absorbs them anew.

    Args:
        grams: (G, W, W) cross-products of the level dummies, the first effect removed.
        residuals: (G, W, p) sums of the residuals of each column by cluster and level.
    """

    grams: Floats
    residuals: Floats


@dataclass(frozen=True)
class SufficientStatistics:
    """Cross-products of columns with effects removed, by cluster.

    Args:
        n_rows: (G,) rows of each cluster.
        products: (G, p(p+1)/2) upper triangle of each cluster's cross-products, row by row as in `np.triu_indices`.
        sizes: (p,) root sum of squares of each column before effects were removed.
        n_absorbed: absorbed parameters that count against the degrees of freedom.
        levels: set where few clusters hold many units each. Without it, leaving a cluster out or drawing new errors
            leaves the effects of the levels as they are, which is exact only in the limit of many clusters.
    """

    n_rows: Integers
    products: Floats
    sizes: Floats
    n_absorbed: int
    levels: LevelStatistics | None = None

    @property
    def n_columns(self) -> int:
        return len(self.sizes)

    def blocks(self, rows: list[int], columns: list[int]) -> Floats:
        """(G, len(rows), len(columns)) cross-products of some columns with others."""
        position = np.zeros((self.n_columns, self.n_columns), dtype=np.int64)
        upper = np.triu_indices(self.n_columns)
        position[upper] = position[upper[::-1]] = np.arange(len(upper[0]))
        return self.products[:, position[np.ix_(rows, columns)]]


def merge(statistics: SufficientStatistics, clusters: Integers) -> SufficientStatistics:
    """Statistics of coarser clusters: independent clusters stay independent when they are put together.

    Args:
        statistics: G clusters.
        clusters: (G,) codes from 0 of the coarser cluster that each is part of.
    """
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=-1))

    def total(values: NDArray[Any]) -> NDArray[Any]:
        return np.add.reduceat(values[order], starts, axis=0)

    levels = statistics.levels
    return replace(
        statistics,
        n_rows=total(statistics.n_rows),
        products=total(statistics.products),
        levels=None if levels is None else LevelStatistics(total(levels.grams), total(levels.residuals)),
    )


def fit(statistics: SufficientStatistics, outcome: int, regressors: list[int]) -> ClusteredFit:
    """Least squares of one column on others with CRV1 standard errors, equal to `linear.fit_absorbed` on the rows.

    Args:
        statistics: the cross-products.
        outcome: position of the outcome.
        regressors: positions of the regressors, any choice of the columns.

    Raises:
        NotIdentifiedError: fewer than two clusters, no degrees of freedom, or collinear columns.
    """
    return _equations(statistics, outcome, regressors).fit


def jackknife(statistics: SufficientStatistics, outcome: int, regressors: list[int]) -> ClusteredFit:
    """The same coefficients with CRV3: (G-1)/G sum_g (b_g - b)(b_g - b)', b_g from all clusters but g.

    The cluster jackknife of MacKinnon, Nielsen and Webb (2023, "Cluster-robust inference: a guide to empirical
    practice"), computed from cross-products as in their "Fast and reliable jackknife and bootstrap methods" (2023).
    With `statistics.levels` the effects of the levels are absorbed anew without g; else they stay those of all rows.

    Raises:
        NotIdentifiedError: as in `fit`, for all clusters or all but one.
    """
    whole = _equations(statistics, outcome, regressors)
    products = statistics.blocks([outcome, *regressors], [outcome, *regressors])
    rest = products.sum(axis=0) - products
    if statistics.levels is not None:
        rest -= _absorbed_without_each(statistics.levels, [outcome, *regressors])
    grams, moments = rest[:, 1:, 1:], rest[:, 1:, 0]
    squares = np.einsum("gii->gi", grams)
    # A difference of sums of squares: rounding is relative to these, not to their roots.
    lost = (squares <= RANK_TOLERANCE * np.diag(whole.grams.sum(axis=0))).any(axis=1)
    scale = np.sqrt(np.where(lost[:, None], 1.0, squares))
    scaled = grams / (scale[:, :, None] * scale[:, None, :])
    lost |= np.linalg.eigvalsh(scaled)[:, 0] <= RANK_TOLERANCE
    if lost.any():
        raise NotIdentifiedError(
            f"without {int(lost.sum())} of the {len(lost)} clusters, each left out alone, the coefficients can't be told"
        )
    left_out = np.linalg.solve(scaled, (moments / scale)[:, :, None])[:, :, 0] / scale
    deviations = left_out - whole.fit.coefficients
    n_clusters = len(deviations)
    return replace(whole.fit, covariance=(n_clusters - 1) / n_clusters * deviations.T @ deviations)


@dataclass(frozen=True)
class WildBootstrap:
    """A test of one coefficient against errors drawn anew.

    Args:
        t: CRV1 t statistic of the coefficient against the null value.
        draws: (B,) the same statistic in each bootstrap sample.
    """

    t: float
    draws: Floats

    @property
    def p(self) -> float:
        """Share of draws at least as far from zero; rounding does not decide ties."""
        return float(np.mean(np.abs(self.draws) >= abs(self.t) * (1 - RANK_TOLERANCE)))


def wild_bootstrap(
    statistics: SufficientStatistics,
    outcome: int,
    regressors: list[int],
    tested: int,
    weights: NDArray[np.floating | np.integer],
    null_value: float = 0.0,
) -> WildBootstrap:
    """Restricted wild cluster bootstrap of one coefficient (Cameron, Gelbach and Miller 2008; "WCR-C").

    Each draw keeps the fit under the null and multiplies the residuals of whole clusters by weights. Drawn from -1
    and 1 it is a permutation of signs; Webb's six points suit fewer than ten clusters.
    With `statistics.levels` each draw absorbs the levels anew; else their effects stay.

    Args:
        statistics: the cross-products.
        outcome, regressors: positions of the columns.
        tested: which of the regressors, from 0.
        weights: (B, G) with mean 0 and variance 1, independent by cluster.
        null_value: the coefficient under the null.

    Raises:
        NotIdentifiedError: as in `fit`, or where the regressors explain the outcome whole.
    """
    system = _equations(statistics, outcome, regressors)
    total = float(statistics.blocks([outcome], [outcome]).sum())
    if total - system.fit.coefficients @ system.moments.sum(axis=0) <= RANK_TOLERANCE * total:
        raise NotIdentifiedError("the regressors leave no residuals to draw from")
    restricted = _restricted(system, tested, null_value)
    scores = system.moments - system.grams @ restricted
    direction = system.bread[tested]
    own, reaction = scores @ direction, system.grams @ direction
    levels = statistics.levels
    if levels is not None:
        residuals = levels.residuals[:, :, [outcome]][:, :, 0] - levels.residuals[:, :, regressors] @ restricted
        anew = residuals @ pseudo_inverse(levels.grams.sum(axis=0))[0], levels.residuals[:, :, regressors] @ direction

    draws = np.empty(len(weights))
    for position, drawn in enumerate(weights):
        shift = system.bread @ (drawn @ scores)
        influence = drawn * own - reaction @ shift
        if levels is not None:
            influence -= anew[1] @ (drawn @ anew[0])
        draws[position] = _ratio(shift[tested], system.factor * influence @ influence)
    return WildBootstrap(_ratio(system.fit.coefficients[tested] - null_value, system.fit.covariance[tested, tested]), draws)


def _ratio(difference: float, variance: float) -> float:
    if not variance > 0:
        raise NotIdentifiedError("the clusters leave no variance to test with")
    return float(difference / np.sqrt(variance))


@dataclass(frozen=True)
class _Equations:
    """Normal equations by cluster (`grams` (G, k, k), `moments` (G, k)) and their solution."""

    grams: Floats
    moments: Floats
    bread: Floats
    factor: float
    fit: ClusteredFit


def _equations(statistics: SufficientStatistics, outcome: int, regressors: list[int]) -> _Equations:
    n_clusters, n_rows = len(statistics.n_rows), int(statistics.n_rows.sum())
    if n_clusters < 2:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    n_parameters = len(regressors) + statistics.n_absorbed
    if n_rows <= n_parameters:
        raise NotIdentifiedError(f"{n_rows} rows for {n_parameters} parameters")

    grams, moments = statistics.blocks(regressors, regressors), statistics.blocks(regressors, [outcome])[:, :, 0]
    bread = _bread(grams.sum(axis=0), statistics.sizes[regressors])
    coefficients = bread @ moments.sum(axis=0)
    scores = moments - grams @ coefficients
    factor = n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - n_parameters)
    fitted = ClusteredFit(
        coefficients=coefficients,
        covariance=factor * bread @ (scores.T @ scores) @ bread,
        n_rows=n_rows,
        n_parameters=n_parameters,
        n_clusters=n_clusters,
        max_cluster_share=float(statistics.n_rows.max() / n_rows),
    )
    return _Equations(grams, moments, bread, factor, fitted)


def _bread(gram: Floats, sizes: Floats) -> Floats:
    scale = np.sqrt(np.maximum(np.diag(gram), 0.0))
    if np.any(scale <= RANK_TOLERANCE * sizes):
        raise NotIdentifiedError("a column has no variation of its own")
    scaled = gram / np.outer(scale, scale)
    if np.linalg.eigvalsh(scaled)[0] <= RANK_TOLERANCE:
        raise NotIdentifiedError("columns are collinear")
    return np.linalg.inv(scaled) / np.outer(scale, scale)


def _restricted(system: _Equations, tested: int, null_value: float) -> Floats:
    """(k,) coefficients with the tested one held at its null value."""
    free = [position for position in range(len(system.bread)) if position != tested]
    gram, moment = system.grams.sum(axis=0), system.moments.sum(axis=0)
    restricted = np.full(len(system.bread), null_value)
    restricted[free] = np.linalg.solve(gram[np.ix_(free, free)], moment[free] - null_value * gram[free, tested])
    return restricted


def _absorbed_without_each(levels: LevelStatistics, columns: list[int]) -> Floats:
    """(G, c, c) what the levels explain of the columns once a cluster is left out, its residuals' sums being gone."""
    total = levels.grams.sum(axis=0)
    explained = []
    for gram, residuals in zip(levels.grams, levels.residuals[:, :, columns], strict=True):
        explained.append(residuals.T @ pseudo_inverse(total - gram)[0] @ residuals)
    return np.array(explained)


def pseudo_inverse(gram: Floats) -> tuple[Floats, int]:
    """Pseudo-inverse of a symmetric positive semi-definite matrix (n, n), and its rank."""
    values, vectors = np.linalg.eigh(gram)
    used = values > RANK_TOLERANCE * max(float(values.max(initial=0.0)), 1.0)
    return (vectors[:, used] / values[used]) @ vectors[:, used].T, int(used.sum())
