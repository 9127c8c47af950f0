"""Least squares with absorbed effects and cluster-robust standard errors."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy import sparse

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
    if values.dtype.kind in "iu" and len(values):
        lowest, highest = int(values.min()), int(values.max())
        if highest - lowest < 4 * len(values):
            shifted = values.astype(np.int64) - lowest
            present = np.bincount(shifted, minlength=highest - lowest + 1) > 0
            return (np.cumsum(present) - 1)[shifted].astype(np.int64)
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


@dataclass(frozen=True)
class EffectProjection:
    """The projection on sets of dummy variables: what it takes to remove them and to delete rows afterwards.

    Entry (i, j) of the projection matrix is `1{same first level} / size + w_i' inverse w_j`, where w are
    the rows of `reduced_dummies` (Frisch and Waugh 1933; Lovell 1963).

    Args:
        first: (n,) codes of the first effect.
        sizes: (levels of the first,) rows of each, at least 1.
        others: codes (n,) of each further effect, numbered on from one effect to the next.
        shared: (levels of the first, p) rows that a level of the first shares with a level of the others.
        inverse: (p, p) generalised inverse of the Gram matrix of the others' dummies within the first.
        rank: rank of that Gram matrix.
    """

    first: Integers
    sizes: Floats
    others: list[Integers]
    shared: "sparse.csr_matrix"
    inverse: Floats
    rank: int

    def residuals(self, columns: Floats) -> Floats:
        """Columns (n, k) less their projection."""
        left = columns - (_level_sums(self.first, len(self.sizes), columns) / self.sizes[:, None])[self.first]
        if not self.others:
            return left
        n_levels = self.inverse.shape[0]
        offsets = np.sum([_level_sums(codes_, n_levels, left) for codes_ in self.others], axis=0)
        offsets = self.inverse @ offsets
        left += (self.shared @ offsets / self.sizes[:, None])[self.first]
        for codes_ in self.others:
            left -= offsets[codes_]
        return left

    def reduced_dummies(self, rows: Integers) -> Floats:
        """The other effects' dummies within the first effect, (len(rows), p), dense."""
        reduced = -self.shared[self.first[rows]].toarray() / self.sizes[self.first[rows], None]
        for codes_ in self.others:
            reduced[np.arange(len(rows)), codes_[rows]] += 1.0
        return reduced

    def diagonal(self) -> Floats:
        """Diagonal (n,) of the projection matrix."""
        diagonal = 1 / self.sizes[self.first]
        for start in range(0, len(self.first) if self.others else 0, 4096):
            reduced = self.reduced_dummies(np.arange(start, min(start + 4096, len(self.first))))
            diagonal[start : start + 4096] += np.einsum("ij,jk,ik->i", reduced, self.inverse, reduced, optimize=True)
        return diagonal


def effect_projection(effects: list[Integers]) -> EffectProjection:
    """Prepare to remove effects, exactly for any unbalanced panel.

    Args:
        effects: arrays (n,) of level codes from 0, at least one; the one with the most levels first.
    """
    # Its import costs as much as a pass over ten million rows; fits from sufficient statistics do without.
    from scipy import sparse

    first = effects[0]
    n_first = int(first.max()) + 1
    sizes = np.maximum(np.bincount(first, minlength=n_first), 1).astype(np.float64)
    others: list[Integers] = []
    n_others = 0
    for effect in effects[1:]:
        others.append(codes(effect) + n_others)
        n_others = int(others[-1].max()) + 1
    rows, columns = np.tile(first, len(others)), np.concatenate([*others, np.zeros(0, dtype=np.int64)])
    shared = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n_first, n_others))
    gram = _joint_counts(others, n_others)
    # Blocks of levels: dense blocks multiply faster than sparse rows with dozens of entries each.
    for start in range(0, n_first, 4096):
        block = shared[start : start + 4096].toarray() / np.sqrt(sizes[start : start + 4096, None])
        gram -= block.T @ block
    inverse, rank = _generalised_inverse(gram)
    return EffectProjection(first, sizes, others, shared, inverse, rank)


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
    if not effects or not len(columns):
        return columns.copy(), 0
    projection = effect_projection(effects)
    return projection.residuals(columns), projection.rank


@dataclass(frozen=True)
class AbsorbedColumns:
    """Columns with effects removed.

    Args:
        residuals: (n, k).
        sizes: (k,) root sum of squares of each column before.
        n_parameters: absorbed parameters that count against the degrees of freedom.
        cluster: (n,) cluster codes from 0.
        projection: what removed the effects; None where there were none.
    """

    residuals: Floats
    sizes: Floats
    n_parameters: int
    cluster: Integers
    projection: EffectProjection | None = None

    @cached_property
    def gram(self) -> Floats:
        """(k, k) cross-products of the residuals: coefficients of any sub-model need nothing else."""
        return self.residuals.T @ self.residuals

    def combine(self, weights: dict[int, float]) -> Floats:
        """(n,) a weighted sum of columns by position."""
        whole = np.zeros(self.residuals.shape[1])
        for position, weight in weights.items():
            whole[position] += weight
        return self.residuals @ whole

    def partialled(self, positions: list[int], given: list[int]) -> Floats:
        """(n, p) columns less their projection on the columns `given`, which are not collinear."""
        weights = np.zeros((self.residuals.shape[1], len(positions)))
        weights[positions, np.arange(len(positions))] = 1.0
        if given:
            weights[given] -= np.linalg.solve(self.gram[np.ix_(given, given)], self.gram[np.ix_(given, positions)])
        return self.residuals @ weights


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
    sizes = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    if not coded or not len(columns):
        return AbsorbedColumns(columns.copy(), sizes, 0, cluster)
    projection = effect_projection(coded)
    n_parameters = projection.rank + (0 if _is_nested(coded[0], cluster) else len(projection.sizes))
    return AbsorbedColumns(projection.residuals(columns), sizes, n_parameters, cluster, projection)


def triangle_of(columns: Floats) -> Floats:
    """Columns (n, k) turned into as few rows as there are columns, (min(n, k), k): lengths and angles stay."""
    return np.asarray(np.linalg.qr(columns, mode="r"), dtype=np.float64)


def independent(absorbed: AbsorbedColumns, positions: list[int]) -> list[int]:
    """Positions of the columns that add something to those before them: controls that say nothing new fall away.

    Args:
        absorbed: the columns.
        positions: candidates, the more important first.
    """
    kept: list[int] = []
    basis: list[Floats] = []
    # Angles between columns are those of their triangle, which has k rows instead of n.
    triangle = triangle_of(absorbed.residuals[:, positions])
    for i, position in enumerate(positions):
        column = triangle[:, i].copy()
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
        NotIdentifiedError: fewer than two clusters, no degrees of freedom, an outcome without variation, or
            collinear columns.
    """
    y, x = absorbed.residuals[:, outcome], absorbed.residuals[:, regressors]
    n_rows, n_columns = x.shape
    n_clusters = int(absorbed.cluster.max()) + 1 if n_rows else 0
    if n_clusters < 2:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    n_parameters = n_columns + absorbed.n_parameters
    if n_rows <= n_parameters:
        raise NotIdentifiedError(f"{n_rows} rows for {n_parameters} parameters")

    if np.sqrt(y @ y) <= RANK_TOLERANCE * absorbed.sizes[outcome]:
        raise NotIdentifiedError("the outcome has no variation of its own")
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
    of_level = np.zeros(int(effect.max()) + 1, dtype=np.int64)
    of_level[effect] = cluster
    return bool(np.array_equal(of_level[effect], cluster))


def _level_sums(levels: Integers, n_levels: int, columns: Floats) -> Floats:
    """Sums (n_levels, k) of columns (n, k) over the rows of each level."""
    from scipy import sparse

    n_rows = len(levels)
    membership = sparse.csc_matrix((np.ones(n_rows), levels, np.arange(n_rows + 1)), shape=(n_levels, n_rows))
    return membership @ columns


def _joint_counts(effects: list[Integers], n_levels: int) -> Floats:
    """Rows (n_levels, n_levels) that two levels of any effects share."""
    counts = np.zeros(n_levels * n_levels)
    for one in effects:
        for other in effects:
            counts += np.bincount(one * n_levels + other, minlength=n_levels * n_levels)
    return counts.reshape(n_levels, n_levels)


def _generalised_inverse(gram: Floats) -> tuple[Floats, int]:
    """Moore-Penrose inverse of a positive semidefinite matrix, and its rank."""
    if not len(gram):
        return gram, 0
    values, vectors = np.linalg.eigh(gram)
    used = values > RANK_TOLERANCE * max(values.max(), 1.0)
    return (vectors[:, used] / values[used]) @ vectors[:, used].T, int(used.sum())
