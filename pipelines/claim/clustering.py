"""Covariance of coefficients from scores by row, clustered in one way or two."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import RANK_TOLERANCE, Floats, Integers, NotIdentifiedError, codes


@dataclass(frozen=True)
class Clusters:
    """Groups within which errors may be related.

    Args:
        first: (n,) codes, e.g. of customers.
        second: (n,) codes, e.g. of shifts; -1 where the row has none and stands alone. None clusters one way.
    """

    first: Integers
    second: Integers | None = None


@dataclass(frozen=True)
class ClusterCovariance:
    """A cluster-robust covariance of coefficients.

    Args:
        covariance: (k, k), times `df_factor`.
        covariance_unscaled: (k, k), without it.
        df_factor: G / (G - K), see `cluster_covariance`.
        was_clipped: whether a negative eigenvalue of the two-way matrix was set to zero.
        n_clusters_first: clusters of the first dimension.
        n_clusters_second: clusters of the second, rows that stand alone not counted; 0 if there is none.
    """

    covariance: Floats
    covariance_unscaled: Floats
    df_factor: float
    was_clipped: bool
    n_clusters_first: int
    n_clusters_second: int

    @property
    def df(self) -> int:
        """Degrees of freedom for t: the smaller number of clusters less one (Cameron and Miller 2015, section V)."""
        return min(g for g in (self.n_clusters_first, self.n_clusters_second) if g) - 1


def cluster_covariance(
    scores: Floats, bread: Floats, clusters: Clusters, n_instrument_effects: int = 0, second_part: Floats | None = None
) -> ClusterCovariance:
    """Covariance of coefficients from scores by row: one-way, or two-way by inclusion and exclusion.

    Two-way: V(first) + V(second) - V(first x second), each with its own G / (G - 1) (Cameron, Gelbach and
    Miller 2011). A row without a second cluster is its own cluster in the second dimension and
    in the intersection, so both cancel. Negative eigenvalues become zero (the same source); a variance that this
    leaves near zero would feign certainty, so that none may then be below its larger one-way value (MacKinnon,
    Nielsen and Webb 2024).

    `df_factor` is G / (G - K), G the clusters of the second dimension (the first, if there is one only): an
    instrument that varies by cluster and is partialled on K effects has only G - K free values, and
    G / (G - 1) ignores that.

    Args:
        scores: (n, k) by row.
        bread: (k, k).
        clusters: of the same rows.
        n_instrument_effects: K.
        second_part: (k, k) used for V(second) instead, e.g. a jackknife over its clusters; then let K be 0.

    Raises:
        NotIdentifiedError: fewer than two clusters in a dimension, or not more clusters than K.
    """
    meat_first, n_first = _meat(scores, codes(clusters.first))
    meat, meat_second, n_second, was_clipped = meat_first, meat_first, 0, False
    if clusters.second is not None:
        chosen = np.flatnonzero(clusters.second >= 0)
        second, first = codes(clusters.second[chosen]), codes(clusters.first[chosen])
        meat_second, n_second = _meat(scores[chosen], second)
        meat_both, _ = _meat(scores[chosen], codes(first * n_second + second), may_be_one=True)
        meat = meat_first - meat_both + (meat_second if second_part is None else 0.0)
    n_clusters = n_second if clusters.second is not None else n_first
    if n_clusters <= n_instrument_effects:
        raise NotIdentifiedError(f"{n_clusters} clusters for {n_instrument_effects} effects of the instrument")
    unscaled = bread @ meat @ bread.T
    unscaled = (unscaled + unscaled.T) / 2 + (0.0 if second_part is None else second_part)
    if clusters.second is not None:
        unscaled, was_clipped = _clip(unscaled)
    if was_clipped:
        one_way = [np.diag(bread @ part @ bread.T) for part in (meat_first, meat_second)]
        unscaled = unscaled + np.diag(np.maximum(np.maximum(*one_way) - np.diag(unscaled), 0.0))
    factor = n_clusters / (n_clusters - n_instrument_effects)
    return ClusterCovariance(factor * unscaled, unscaled, factor, was_clipped, n_first, n_second)


def max_cluster_share(clusters: Clusters) -> float:
    """Largest share that one cluster has of the rows of its dimension."""
    share = np.bincount(codes(clusters.first)).max() / len(clusters.first)
    if clusters.second is not None:
        second = clusters.second[clusters.second >= 0]
        share = max(share, np.bincount(codes(second)).max() / len(second))
    return float(share)


def _meat(scores: Floats, cluster: Integers, may_be_one: bool = False) -> tuple[Floats, int]:
    """G / (G - 1) times the sum over clusters of outer products of their scores, and G."""
    n_clusters = int(cluster.max()) + 1 if len(cluster) else 0
    if n_clusters < 2 and not may_be_one:
        raise NotIdentifiedError(f"{n_clusters} cluster(s); at least 2 are needed")
    sums = np.column_stack([np.bincount(cluster, weights=scores[:, j], minlength=n_clusters) for j in range(scores.shape[1])])
    return np.dot(sums.T, sums) * (n_clusters / max(n_clusters - 1, 1)), n_clusters


def _clip(matrix: Floats) -> tuple[Floats, bool]:
    """The matrix with negative eigenvalues set to zero, and whether there were any."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), np.finfo(np.float64).tiny))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    if values[0] >= -RANK_TOLERANCE:
        return matrix, False
    clipped = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return clipped * np.outer(scale, scale), True
