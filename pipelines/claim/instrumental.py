"""Two-stage least squares on absorbed columns, clustered in two ways, with what a sceptic asks of an instrument."""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipelines.claim.clustering import ClusterCovariance, Clusters, cluster_covariance, max_cluster_share
from pipelines.claim.confidence_set import ConfidenceSet, ratio_set
from pipelines.claim.linear import RANK_TOLERANCE, AbsorbedColumns, EffectProjection, Floats, Integers, NotIdentifiedError

# Share of a regressor's variation that instruments must move, to be told from rounding error.
RELEVANCE_TOLERANCE = 1e-12


@dataclass(frozen=True)
class IVFit:
    """A model fitted by two-stage least squares; least squares where the instruments are the regressors.

    Args:
        coefficients: (k,) in the order of the regressors.
        clustered: covariance of the wanted ones, w of them, and its parts.
        bread: (k, k) inverse of X'Z (Z'Z)^-1 Z'X.
        influence: (n, w) what each row adds to a wanted coefficient's error: any other covariance is made of it.
        residuals: (n,).
        n_rows: rows used.
        n_parameters: regressors plus the absorbed parameters that are counted.
        max_cluster_share: largest share that one cluster has of its dimension's rows.
    """

    coefficients: Floats
    clustered: ClusterCovariance
    bread: Floats
    influence: Floats
    residuals: Floats
    n_rows: int
    n_parameters: int
    max_cluster_share: float

    @property
    def covariance(self) -> Floats:
        return self.clustered.covariance

    @property
    def standard_errors(self) -> Floats:
        return np.sqrt(np.diag(self.covariance))

    @property
    def df(self) -> int:
        return self.clustered.df


@dataclass(frozen=True)
class FirstStage:
    """How strongly the excluded instruments move an endogenous regressor.

    Args:
        effective_f: Montiel Olea and Pflueger (2013); with one instrument the robust F of the first stage.
        coefficients: (m,) of the excluded instruments.
        clustered: their covariance.
    """

    effective_f: float
    coefficients: Floats
    clustered: ClusterCovariance


def fit_instrumented(
    absorbed: AbsorbedColumns,
    outcome: int,
    regressors: list[int],
    instruments: list[int],
    clusters: Clusters,
    n_instrument_effects: int = 0,
    n_wanted: int | None = None,
) -> IVFit:
    """Two-stage least squares of one absorbed column on others.

    Exogenous regressors stand in both lists. With as many instruments as regressors this is (Z'X)^-1 Z'y;
    with the same ones it is least squares.

    Args:
        absorbed: the columns.
        outcome: position of the outcome.
        regressors: positions of the regressors, k of them.
        instruments: positions of the instruments, at least k.
        clusters: of the same rows.
        n_instrument_effects: K of `cluster_covariance`.
        n_wanted: coefficients, from the first on, whose covariance is asked for; all of them unless given.

    Raises:
        NotIdentifiedError: too few instruments, clusters or rows, collinear columns, a column without variation
            of its own, the outcome among them, or instruments that do not move the regressors.
    """
    gram = absorbed.gram
    _require_rows(absorbed, len(regressors))
    _require_variation(absorbed, [outcome])
    if len(instruments) < len(regressors):
        raise NotIdentifiedError(f"{len(instruments)} instruments for {len(regressors)} regressors")
    _require_variation(absorbed, regressors)
    first_stage = np.eye(len(regressors))
    if instruments != regressors:
        _require_variation(absorbed, instruments)
        first_stage = np.linalg.solve(gram[np.ix_(instruments, instruments)], gram[np.ix_(instruments, regressors)])
        _require_relevance(gram, regressors, instruments, first_stage)
    bread = np.linalg.inv(first_stage.T @ gram[np.ix_(instruments, regressors)])
    coefficients = bread @ (first_stage.T @ gram[instruments, outcome])
    residuals = absorbed.combine({outcome: 1.0}) - absorbed.combine(dict(zip(regressors, coefficients, strict=True)))
    wanted = len(regressors) if n_wanted is None else n_wanted
    weights = np.zeros((absorbed.residuals.shape[1], wanted))
    weights[instruments] = first_stage @ bread.T[:, :wanted]
    influence = (absorbed.residuals @ weights) * residuals[:, None]
    return IVFit(
        coefficients=coefficients,
        clustered=cluster_covariance(influence, np.eye(wanted), clusters, n_instrument_effects),
        bread=bread,
        influence=influence,
        residuals=residuals,
        n_rows=len(residuals),
        n_parameters=len(regressors) + absorbed.n_parameters,
        max_cluster_share=max_cluster_share(clusters),
    )


def jackknife_covariance(
    absorbed: AbsorbedColumns, fit: IVFit, regressors: list[int], instruments: list[int], clusters: Integers
) -> Floats:
    """Cluster jackknife (CRV3) that estimates the absorbed effects anew without each cluster.

    (G - 1) / G * sum_g (b_(g) - b)(b_(g) - b)' (MacKinnon, Nielsen and Webb 2023), with
    b_(g) = b - A Z_g' d and d = (I - P_gg - X_g A Z_g')^-1 u_g, A = (Z'X)^-1 and P the projection on all
    effects: deleting rows is adding a dummy for each of them.

    Args:
        absorbed: the columns; must carry their projection if effects were absorbed.
        fit: the just-identified fit of them.
        regressors: positions of the regressors.
        instruments: positions of the instruments, as many.
        clusters: (n,) codes; rows with -1 are never deleted.

    Returns:
        (k, k) covariance.

    Raises:
        NotIdentifiedError: fewer than two clusters, or coefficients that one cluster alone identifies.
        ValueError: more instruments than regressors.
    """
    if len(instruments) != len(regressors):
        raise ValueError("the jackknife is for just-identified fits")
    rows = np.flatnonzero(clusters >= 0)
    rows = rows[np.argsort(clusters[rows], kind="stable")]
    starts = np.flatnonzero(np.diff(clusters[rows], prepend=-1))
    n_clusters = len(starts)
    if n_clusters < 2:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    x, z, u = absorbed.residuals[rows[:, None], regressors], absorbed.residuals[rows[:, None], instruments], fit.residuals[rows]
    bread = np.linalg.inv(absorbed.residuals[:, instruments].T @ absorbed.residuals[:, regressors])
    block = _ProjectionBlocks.of(absorbed.projection, rows)
    moves = np.empty((n_clusters, len(regressors)))
    for g, (start, stop) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
        part = slice(start, stop)
        # Where a cluster holds all rows of a level, I - P_gg is singular along directions that touch neither x, z nor u.
        values, vectors = np.linalg.eigh(np.eye(stop - start) - block.matrix(part))
        used = values > RANK_TOLERANCE
        half = vectors[:, used] / np.sqrt(values[used])
        zh = z[part].T @ half
        leverage = np.eye(len(regressors)) - zh @ (half.T @ x[part]) @ bread
        if np.linalg.svd(leverage, compute_uv=False)[-1] <= RANK_TOLERANCE:
            raise NotIdentifiedError("one cluster alone identifies a coefficient")
        moves[g] = -bread @ np.linalg.solve(leverage, zh @ (half.T @ u[part]))
    return (n_clusters - 1) / n_clusters * moves.T @ moves


def partialled_jackknife(
    absorbed: AbsorbedColumns, outcome: int, regressors: list[int], instruments: list[int], clusters: Integers
) -> Floats:
    """Cluster jackknife (CRV3) of a just-identified fit from cross products by cluster; effects are not estimated anew.

    For clusters that hold a small part of each level of the effects, e.g. agents, and too many rows for
    `jackknife_covariance`. With few clusters of unequal weight it is nearer the truth than CRV1 (MacKinnon, Nielsen and
    Webb 2023, equation 15).

    Args:
        absorbed: the columns.
        outcome: position of the outcome.
        regressors: positions of the regressors.
        instruments: positions of the instruments, as many.
        clusters: (n,) codes; rows with -1 are never deleted.

    Returns:
        (k, k) covariance.

    Raises:
        NotIdentifiedError: fewer than two clusters, or coefficients that one cluster alone identifies.
    """
    rows = np.flatnonzero(clusters >= 0)
    _, of_row = np.unique(clusters[rows], return_inverse=True)
    n_clusters = int(of_row.max()) + 1 if len(rows) else 0
    if n_clusters < 2:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    z, x = absorbed.residuals[rows[:, None], instruments], absorbed.residuals[rows[:, None], [*regressors, outcome]]
    crossed = absorbed.gram[np.ix_(instruments, [*regressors, outcome])]
    whole = np.linalg.solve(crossed[:, :-1], crossed[:, -1])
    moves = np.empty((n_clusters, len(regressors)))
    for g in range(n_clusters):
        left = crossed - z[of_row == g].T @ x[of_row == g]
        scale = np.sqrt(np.abs(np.outer(np.diag(crossed[:, :-1]), np.diag(crossed[:, :-1]))))
        if np.linalg.svd(left[:, :-1] / scale, compute_uv=False)[-1] <= RANK_TOLERANCE:
            raise NotIdentifiedError("one cluster alone identifies a coefficient")
        moves[g] = np.linalg.solve(left[:, :-1], left[:, -1]) - whole
    return (n_clusters - 1) / n_clusters * moves.T @ moves


def independent_covariance(
    absorbed: AbsorbedColumns, fit: IVFit, regressors: list[int], kind: Literal["classical", "HC1", "HC2"]
) -> Floats:
    """Covariance for rows that are independent of each other, (k, k).

    `classical` has one error variance, u'u / (n - K); `HC1` scales the sandwich by n / (n - K); `HC2` divides each
    squared residual by 1 - leverage, absorbed effects included (White 1980; MacKinnon and White 1985). K is
    `fit.n_parameters`: absorb with every row a cluster of its own, so that all effects count.

    Args:
        absorbed: the columns.
        fit: the fit of them; least squares for HC2.
        regressors: positions of the regressors.
        kind: as above.
    """
    spare = fit.n_rows - fit.n_parameters
    if kind == "classical":
        return fit.bread * float(fit.residuals @ fit.residuals) / spare
    weights = np.full(fit.n_rows, fit.n_rows / spare)
    if kind == "HC2":
        x = absorbed.residuals[:, regressors]
        leverage = np.einsum("ij,jk,ik->i", x, fit.bread, x)
        if absorbed.projection is not None:
            leverage = leverage + absorbed.projection.diagonal()
        if leverage.max() >= 1 - RANK_TOLERANCE:
            raise NotIdentifiedError("a row fits perfectly")
        weights = 1 / (1 - leverage)
    return (fit.influence * weights[:, None]).T @ fit.influence


def effective_f(
    absorbed: AbsorbedColumns,
    endogenous: int,
    excluded: list[int],
    exogenous: list[int],
    clusters: Clusters,
    n_instrument_effects: int = 0,
) -> FirstStage:
    """Effective F of the excluded instruments in one first stage, with the clustering of the second.

    x'P x / tr(V Z'Z) on columns with the exogenous ones partialled out, V the robust covariance of the
    first-stage coefficients (Montiel Olea and Pflueger 2013).

    Args:
        absorbed: the columns.
        endogenous: position of the endogenous regressor.
        excluded: positions of the excluded instruments, m of them.
        exogenous: positions of the other regressors.
        clusters: of the same rows.
        n_instrument_effects: K of `cluster_covariance`.

    Raises:
        NotIdentifiedError: as `fit_instrumented`, or a first stage that fits perfectly.
    """
    columns, m = [*excluded, *exogenous], len(excluded)
    fit = fit_instrumented(absorbed, endogenous, columns, columns, clusters, n_instrument_effects, n_wanted=m)
    coefficients, gram = fit.coefficients[:m], _partialled_gram(absorbed.gram, excluded, exogenous)
    noise = float(np.trace(fit.covariance[:m, :m] @ gram))
    strength = float(coefficients @ gram @ coefficients)
    if noise <= RANK_TOLERANCE**2 * strength or noise <= 0:
        raise NotIdentifiedError("the first stage has no residual variation")
    return FirstStage(strength / noise, coefficients, fit.clustered)


def anderson_rubin_set(
    absorbed: AbsorbedColumns,
    outcome: int,
    endogenous: int,
    excluded: int,
    exogenous: list[int],
    clusters: Clusters,
    level: float = 0.95,
    n_instrument_effects: int = 0,
) -> ConfidenceSet:
    """Values of one endogenous coefficient under which its instrument is no longer felt in the outcome.

    b stays where (g - b p)^2 <= F (V_gg - 2 b V_gp + b^2 V_pp), g and p the coefficients of the instrument in
    the reduced form and the first stage: a quadratic in b, valid however weak the instrument (Anderson and
    Rubin 1949; Andrews, Stock and Sun 2019). The other regressors are exogenous.

    Args:
        absorbed: the columns.
        outcome: position of the outcome.
        endogenous: position of the endogenous regressor.
        excluded: position of its only instrument.
        exogenous: positions of the other regressors.
        clusters: of the same rows.
        level: confidence level.
        n_instrument_effects: K of `cluster_covariance`.

    Raises:
        NotIdentifiedError: as `fit_instrumented`.
    """
    _require_rows(absorbed, 1 + len(exogenous))
    _require_variation(absorbed, [excluded, *exogenous])
    for position in (outcome, endogenous):
        _require_variation(absorbed, [position])
    columns = absorbed.partialled([excluded, outcome, endogenous], exogenous)
    z, moved = columns[:, :1], columns[:, 1:]
    size = float(z[:, 0] @ z[:, 0])
    coefficients = (z.T @ moved / size)[0]
    errors = moved - z * coefficients
    bread = np.eye(2) / size
    clustered = cluster_covariance(z * errors, bread, clusters, n_instrument_effects)
    critical = float(stats.t.ppf((1 + level) / 2, clustered.df)) ** 2
    return ratio_set(coefficients, clustered.covariance, critical)


@dataclass(frozen=True)
class _ProjectionBlocks:
    """Blocks of the projection matrix on all effects, for rows sorted by cluster."""

    levels: Integers
    sizes: Floats
    reduced: Floats
    weighted: Floats

    @classmethod
    def of(cls, projection: EffectProjection | None, rows: Integers) -> "_ProjectionBlocks":
        if projection is None:
            return cls(np.arange(len(rows)), np.full(len(rows), inf), np.zeros((len(rows), 0)), np.zeros((len(rows), 0)))
        reduced = projection.reduced_dummies(rows)
        levels = projection.first[rows]
        return cls(levels, projection.sizes[levels], reduced, reduced @ projection.inverse)

    def matrix(self, part: slice) -> Floats:
        levels = self.levels[part]
        return (levels[:, None] == levels) / self.sizes[part] + self.weighted[part] @ self.reduced[part].T


def _partialled_gram(gram: Floats, positions: list[int], given: list[int]) -> Floats:
    """Cross-products of columns less their projection on the columns `given`."""
    own = gram[np.ix_(positions, positions)]
    if not given:
        return own
    shared = gram[np.ix_(given, positions)]
    return own - shared.T @ np.linalg.solve(gram[np.ix_(given, given)], shared)


def _require_rows(absorbed: AbsorbedColumns, n_columns: int) -> None:
    n_parameters = n_columns + absorbed.n_parameters
    if len(absorbed.residuals) <= n_parameters:
        raise NotIdentifiedError(f"{len(absorbed.residuals)} rows for {n_parameters} parameters")


def _require_variation(absorbed: AbsorbedColumns, positions: list[int]) -> None:
    """Refuse columns that vanish with the effects, or that others explain."""
    gram = absorbed.gram[np.ix_(positions, positions)]
    scale = np.sqrt(np.maximum(np.diag(gram), 0.0))
    if np.any(scale <= RANK_TOLERANCE * absorbed.sizes[positions]) or np.any(scale == 0):
        raise NotIdentifiedError("a column has no variation of its own")
    if np.linalg.eigvalsh(gram / np.outer(scale, scale))[0] <= RANK_TOLERANCE:
        raise NotIdentifiedError("columns are collinear")


def _require_relevance(gram: Floats, regressors: list[int], instruments: list[int], first_stage: NDArray[np.floating]) -> None:
    """Refuse instruments that leave some combination of the regressors unmoved."""
    scale = np.sqrt(np.diag(gram)[regressors])
    moved = first_stage.T @ gram[np.ix_(instruments, instruments)] @ first_stage
    if np.linalg.eigvalsh(moved / np.outer(scale, scale))[0] <= RELEVANCE_TOLERANCE:
        raise NotIdentifiedError("the instruments do not move the regressors")
