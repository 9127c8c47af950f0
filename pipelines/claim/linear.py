"""Least squares with absorbed effects and cluster-robust standard errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Relative size below which a direction left after absorbing effects is rounding error.
RANK_TOLERANCE = 1e-9


class NotIdentifiedError(ValueError):
    """The sample can't tell the coefficients: too few rows or clusters, or a column without variation of its own."""


@dataclass(frozen=True)
class ClusteredFit:
    """A fitted linear model.

    Args:
        coefficients: (k,) in the order of the columns.
        covariance: (k, k), cluster-robust (CRV1) with the small-sample factor below.
        n_rows: rows used.
        n_parameters: k plus the absorbed parameters that are counted.
        n_clusters: clusters G; intervals use t with G - 1 degrees of freedom.
        max_cluster_share: share of the rows in the largest cluster.
    """

    coefficients: Floats
    covariance: Floats
    n_rows: int
    n_parameters: int
    n_clusters: int
    max_cluster_share: float


def codes(values: NDArray[np.generic]) -> Integers:
    """Number the distinct values of an array from 0, in sorted order."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def keep_without_singletons(effects: list[Integers]) -> NDArray[np.bool_]:
    """Rows left once every row that is alone in a level of some effect is dropped, over and over.

    Such rows fit perfectly and only shrink standard errors (Correia 2015).

    Args:
        effects: arrays (n,) of level codes.

    Returns:
        (n,) true for rows to keep.
    """
    keep = np.ones(len(effects[0]), dtype=bool)
    while True:
        alone = np.zeros_like(keep)
        for effect in effects:
            sizes = np.bincount(effect[keep], minlength=int(effect.max()) + 1 if len(effect) else 0)
            alone |= keep & (sizes[effect] == 1)
        if not alone.any():
            return keep
        keep &= ~alone


def absorb(columns: Floats, effects: list[Integers]) -> tuple[Floats, int]:
    """Residuals of columns on sets of dummy variables, exact for any unbalanced panel.

    The first effect is removed by its means; the others' dummies, with the first removed from them
    too, are then projected out through their normal equations (Frisch and Waugh 1933; Lovell 1963).
    Put the effect with the most levels first.

    Args:
        columns: (n, k).
        effects: arrays (n,) of level codes from 0; none removes nothing.

    Returns:
        Residuals (n, k), and the rank of the effects after the first, given the first.
    """
    # Its import costs as much as a pass over ten million rows; fits from sufficient statistics do without.
    from scipy import sparse

    if not effects:
        return columns.copy(), 0
    first, rest = effects[0], effects[1:]
    n_rows = len(first)
    membership = sparse.csr_matrix((np.ones(n_rows), (np.arange(n_rows), first)))
    sizes = np.maximum(np.asarray(membership.sum(axis=0)).ravel(), 1.0)

    def within(values: Floats) -> Floats:
        return values - (membership.T @ values / sizes[:, None])[first]

    residuals = within(columns)
    if not rest:
        return residuals, 0
    dummies = sparse.hstack([sparse.csr_matrix((np.ones(n_rows), (np.arange(n_rows), codes(e)))) for e in rest]).tocsr()
    shared = (membership.T @ dummies).tocsr()
    gram = (dummies.T @ dummies - shared.T @ sparse.diags(1.0 / sizes) @ shared).toarray()
    values, vectors = np.linalg.eigh(gram)
    used = values > RANK_TOLERANCE * max(values.max(), 1.0)
    inverse = (vectors[:, used] / values[used]) @ vectors[:, used].T
    projected = inverse @ (dummies.T @ residuals)
    return residuals - within(dummies @ projected), int(used.sum())


@dataclass(frozen=True)
class AbsorbedColumns:
    """Columns with effects removed.

    Args:
        residuals: (n, k).
        sizes: (k,) root sum of squares of each column before.
        n_parameters: absorbed parameters that count against the degrees of freedom.
        cluster: (n,) cluster codes from 0.
    """

    residuals: Floats
    sizes: Floats
    n_parameters: int
    cluster: Integers


def absorb_within_clusters(columns: Floats, effects: list[Integers], clusters: Integers) -> AbsorbedColumns:
    """Remove effects from columns once, for any number of fits on them.

    The parameters of the first effect are not counted where its levels nest in the clusters
    (Cameron and Miller 2015, section II.C).

    Args:
        columns: (n, k), outcomes and regressors alike.
        effects: arrays (n,) of level codes, the one with the most levels first.
        clusters: (n,) codes of the clusters.
    """
    cluster = codes(clusters)
    coded = [codes(effect) for effect in effects]
    residuals, n_parameters = absorb(columns, coded)
    if coded and not _is_nested(coded[0], cluster):
        n_parameters += int(coded[0].max()) + 1
    return AbsorbedColumns(residuals, np.sqrt((columns**2).sum(axis=0)), n_parameters, cluster)


def independent(absorbed: AbsorbedColumns, positions: list[int]) -> list[int]:
    """Positions of the columns that add something to those before them: controls that say nothing new fall away.

    Args:
        absorbed: the columns.
        positions: candidates, the more important first.
    """
    kept: list[int] = []
    basis: list[Floats] = []
    for position in positions:
        column = absorbed.residuals[:, position].copy()
        for direction in basis:
            column -= direction * (direction @ column)
        size = float(np.sqrt(column @ column))
        if size > RANK_TOLERANCE * absorbed.sizes[position] and size > 0:
            kept.append(position)
            basis.append(column / size)
    return kept


def fit_absorbed(absorbed: AbsorbedColumns, outcome: int, regressors: list[int]) -> ClusteredFit:
    """Least squares of one absorbed column on others, with CRV1 standard errors.

    Covariance: factor * (X'X)^-1 (sum_g X_g'u_g u_g'X_g) (X'X)^-1 with factor
    G/(G-1) * (n-1)/(n-K) (Liang and Zeger 1986; Cameron and Miller 2015, eq. 11-12). K counts the
    regressors and the absorbed parameters.

    Args:
        absorbed: the columns.
        outcome: position of the outcome.
        regressors: positions of the regressors.

    Raises:
        NotIdentifiedError: fewer than two clusters, no degrees of freedom, or collinear columns.
    """
    y, x = absorbed.residuals[:, outcome], absorbed.residuals[:, regressors]
    n_rows, n_columns = x.shape
    n_clusters = int(absorbed.cluster.max()) + 1 if n_rows else 0
    if n_clusters < 2:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    n_parameters = n_columns + absorbed.n_parameters
    if n_rows <= n_parameters:
        raise NotIdentifiedError(f"{n_rows} rows for {n_parameters} parameters")

    scale = np.sqrt((x**2).sum(axis=0))
    if np.any(scale <= RANK_TOLERANCE * absorbed.sizes[regressors]):
        raise NotIdentifiedError("a column has no variation of its own")
    gram = (x / scale).T @ (x / scale)
    if np.linalg.eigvalsh(gram)[0] <= RANK_TOLERANCE:
        raise NotIdentifiedError("columns are collinear")
    bread = np.linalg.inv(gram) / np.outer(scale, scale)
    coefficients = bread @ (x.T @ y)

    scores = x * (y - x @ coefficients)[:, None]
    by_cluster = np.column_stack([np.bincount(absorbed.cluster, weights=scores[:, j], minlength=n_clusters) for j in range(n_columns)])
    factor = n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - n_parameters)
    return ClusteredFit(
        coefficients=coefficients,
        covariance=factor * bread @ (by_cluster.T @ by_cluster) @ bread,
        n_rows=n_rows,
        n_parameters=n_parameters,
        n_clusters=n_clusters,
        max_cluster_share=float(np.bincount(absorbed.cluster).max() / n_rows),
    )


def fit_clustered(outcome: Floats, columns: Floats, effects: list[Integers], clusters: Integers) -> ClusteredFit:
    """Least squares of an outcome on columns and absorbed effects; see `fit_absorbed`.

    Without effects, add the constant column yourself.

    Args:
        outcome: (n,).
        columns: (n, k).
        effects: arrays (n,) of level codes, the one with the most levels first.
        clusters: (n,) codes of the clusters.

    Raises:
        NotIdentifiedError: fewer than two clusters, no degrees of freedom, or collinear columns.
    """
    absorbed = absorb_within_clusters(np.column_stack([outcome, columns]), effects, clusters)
    return fit_absorbed(absorbed, 0, list(range(1, columns.shape[1] + 1)))


def _is_nested(effect: Integers, cluster: Integers) -> bool:
    """Whether every level of the effect lies in one cluster."""
    n_pairs = len(np.unique(np.column_stack([effect, cluster]), axis=0))
    return n_pairs == int(effect.max()) + 1
