"""Inference on a joint system with few clusters, or with a heavy one: the restricted wild cluster bootstrap.

Student's t promises too much there (MacKinnon and Webb 2018). The null is imposed on any linear combination of the
coefficients, and only cross products by cluster are needed.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pipelines.claim.bootstrap import MIN_CLUSTERS_RADEMACHER, WEBB, cluster_grams, interval_end
from pipelines.claim.clustering import Clusters
from pipelines.claim.linear import RANK_TOLERANCE, AbsorbedColumns, Floats, Integers, NotIdentifiedError, codes
from pipelines.claim.policy_shift import Contrast, PolicyShift
from pipelines.claim.results import Interval
from pipelines.claim.system import Fitted, System

LeverIntervals = dict[tuple[str, str], Interval]
"""Intervals by lever and quantity."""

MIN_CLUSTERS = 50
MAX_CLUSTER_SHARE = 0.05
N_DRAWS = 999
# Rows without a second cluster are drawn by customer; customers beyond this many share a draw.
MAX_CUSTOMER_GROUPS = 200
# Halvings of a step of two standard errors: the end of an interval to a ten-thousandth of one.
END_HALVINGS = 14


def has_few_clusters(n_clusters_1: int, n_clusters_2: int | None, max_cluster_share: float) -> bool:
    """Whether inference is by bootstrap: fewer than 50 clusters in a dimension, or one with more than 5 % of the rows."""
    return min(n for n in (n_clusters_1, n_clusters_2) if n is not None) < MIN_CLUSTERS or max_cluster_share > MAX_CLUSTER_SHARE


@dataclass(frozen=True)
class BootstrapClusters:
    """The partition by which samples are drawn: the dimension with fewer clusters (MacKinnon, Nielsen and Webb 2021).

    Args:
        of_row: (n,) codes from 0.
        n_few: clusters of the dimension with fewer; the others are groups of customers.
        name: of that dimension.
    """

    of_row: Integers
    n_few: int
    name: str

    @classmethod
    def of(cls, clusters: Clusters | None, brand: Integers) -> "BootstrapClusters":
        """By shift where shifts are fewer than customers, rows without one by customer; by brand without clusters."""
        if clusters is None:
            by_brand = codes(brand)
            return cls(by_brand, int(by_brand.max()) + 1, "brand")
        first = codes(clusters.first)
        n_first = int(first.max()) + 1
        if clusters.second is None:
            return cls(first, n_first, "customer")
        has_second = clusters.second >= 0
        n_second = len(np.unique(clusters.second[has_second]))
        if n_first <= n_second:
            return cls(first, n_first, "customer")
        of_row = n_second + first % MAX_CUSTOMER_GROUPS
        of_row[has_second] = codes(clusters.second[has_second])
        return cls(codes(of_row), n_second, "shift")


@dataclass(frozen=True)
class RestrictedBootstrap:
    """A just-identified system by two-stage least squares, bootstrapped with the null imposed.

    The restricted efficient bootstrap of Davidson and MacKinnon (2010) with weights by cluster, for any number of
    instrumented regressors (Roodman, MacKinnon, Nielsen and Webb 2019, section 6); least squares where the instruments
    are the regressors. Effects absorbed before are not removed from the samples anew; the standard error that the
    statistic is held against must count them.

    Args:
        grams: (g, m, m) of `cluster_grams`.
        outcome: position of the outcome.
        regressors: positions of the k regressors.
        instruments: positions of their k instruments; an exogenous regressor stands in both lists.
        weights: (k,) of the linear combination that is tested.
        n_few: clusters that the statistic's G / (G - 1) counts.
    """

    grams: Floats
    outcome: int
    regressors: list[int]
    instruments: list[int]
    weights: Floats
    n_few: int

    @cached_property
    def _total(self) -> Floats:
        return self.grams.sum(axis=0)

    @cached_property
    def _coefficients(self) -> Floats:
        zx, zy = self._total[np.ix_(self.instruments, self.regressors)], self._total[self.instruments, self.outcome]
        return np.asarray(np.linalg.solve(zx, zy), dtype=np.float64)

    @property
    def estimate(self) -> float:
        return float(self.weights @ self._coefficients)

    def restricted(self, value: float) -> Floats:
        """(k,) coefficients of two-stage least squares that obey the value."""
        zz, zx = (self._total[np.ix_(self.instruments, columns)] for columns in (self.instruments, self.regressors))
        direction = np.linalg.solve(zx.T @ np.linalg.solve(zz, zx), self.weights)
        return self._coefficients - direction * (self.estimate - value) / (self.weights @ direction)

    def statistics(self, value: float, draws: Floats) -> Floats:
        """t statistics (B,) against the value, in samples made with weights (B, g) that obey it."""
        total, z = self._total, self.instruments
        error = np.zeros(len(total))
        error[self.outcome] = 1.0
        np.subtract.at(error, self.regressors, self.restricted(value))
        mean, moved = self._first_stages(error)
        moment = self.grams[:, z] @ error
        own, noise = self.grams[:, z] @ mean, self.grams[:, z] @ moved
        k, b, g = len(z), len(draws), len(self.grams)
        crossed = own.sum(axis=0) + (draws @ noise.reshape(g, -1)).reshape(b, k, k)
        try:
            deviation = np.linalg.solve(crossed, (draws @ moment)[:, :, None])[:, :, 0]
            carry = np.linalg.solve(np.swapaxes(crossed, 1, 2), np.broadcast_to(self.weights[:, None], (b, k, 1)))[:, :, 0]
        except np.linalg.LinAlgError:
            raise NotIdentifiedError("a bootstrap sample can't tell the coefficients") from None
        outer = (carry[:, :, None] * deviation[:, None, :]).reshape(b, -1)
        scores = draws * (carry @ moment.T - outer @ noise.reshape(g, -1).T) - outer @ own.reshape(g, -1).T
        spread = np.sqrt(np.einsum("ij,ij->i", scores, scores) * self.n_few / (self.n_few - 1))
        return np.divide(deviation @ self.weights, spread, out=np.full(b, np.inf), where=spread > 0)

    def _first_stages(self, error: Floats) -> tuple[Floats, Floats]:
        """Columns' weights (m, k) of the regressors' conditional means and of their errors, efficient under the null."""
        m, k = len(self._total), len(self.regressors)
        mean, moved = np.zeros((m, k)), np.zeros((m, k))
        given = np.zeros((m, k + 1))
        given[self.instruments, np.arange(k)] = 1.0
        given[:, k] = error
        for j, (regressor, instrument) in enumerate(zip(self.regressors, self.instruments, strict=True)):
            if regressor == instrument:
                mean[instrument, j] = 1.0
                continue
            found = np.linalg.lstsq(given.T @ self._total @ given, given.T @ self._total[:, regressor], rcond=None)[0]
            mean[:, j] = given[:, :k] @ found[:k]
            moved[regressor, j] = 1.0
            moved[:, j] -= mean[:, j]
        return mean, moved

    def interval(self, se: float, draws: Floats) -> Interval:
        """Values that are not rejected at 95 and 90 %, and the symmetric p-value of zero.

        Args:
            se: standard error of the combination, that the sample's statistic is made with.
            draws: (B, g) weights.
        """

        def p_at(value: float) -> float:
            t = abs(self.estimate - value) / se
            return float((1 + np.sum(np.abs(self.statistics(value, draws)) >= t * (1 - 1e-10))) / (1 + len(draws)))

        ends = [interval_end(p_at, self.estimate, side * 2 * se, level, END_HALVINGS) for level in (0.95, 0.90) for side in (-1.0, 1.0)]
        return Interval(*ends, p=p_at(0.0))


def lever_intervals(system: System, rate: float, fitted: Fitted, found: Contrast, shift: PolicyShift, seed: int) -> LeverIntervals:
    """Intervals of both levers and their contrast where clusters are too few for Student's t; none where they are not.

    Args:
        system: what was fitted.
        rate: adstock rate.
        fitted: the fit of it; its standard errors are what statistics are made with.
        found: what it says of the policy shift.
        shift: the policy shift.
        seed: of the draws.

    Raises:
        NotIdentifiedError: a bootstrap sample can't tell the coefficients.
    """
    errors = np.sqrt(np.diag(fitted.covariance))
    combinations = [(np.eye(2)[0], errors[0]), (np.eye(2)[1], errors[1]), (shift.weights * [1, -1], found.delta_se)]
    # Without residual variation there is nothing to draw.
    is_exact = any(se <= RANK_TOLERANCE * abs(weights @ fitted.coefficients) for weights, se in combinations)
    # Agents are few by nature: their standard errors come from a jackknife, which this bootstrap does not know of.
    is_few = has_few_clusters(fitted.n_clusters_1, fitted.n_clusters_2, fitted.max_cluster_share)
    if is_exact or not is_few or system.setup.responsiveness == "agent":
        return {}
    clusters = BootstrapClusters.of(system.clusters, system.panel.brand)
    regressors, instruments = system.positions(rate)
    beta_r, beta_b, delta = bootstrap_intervals(
        system.absorbed, system.at["outcome"], regressors, instruments, clusters, combinations, seed
    )  # fmt: skip
    return {
        ("responsiveness", "beta"): beta_r,
        ("responsiveness", "theta"): beta_r.times(float(shift.weights[0])),
        ("broadcast", "beta"): beta_b,
        ("broadcast", "theta"): beta_b.times(float(shift.weights[1])),
        ("contrast", "delta"): delta,
    }


def bootstrap_intervals(
    absorbed: AbsorbedColumns,
    outcome: int,
    regressors: list[int],
    instruments: list[int],
    clusters: BootstrapClusters,
    combinations: list[tuple[Floats, float]],
    seed: int,
    n_draws: int = N_DRAWS,
) -> list[Interval]:
    """Intervals of linear combinations of a system's first coefficients.

    Args:
        absorbed: the columns.
        outcome: position of the outcome.
        regressors, instruments: positions, as many of the ones as of the others.
        clusters: by which samples are drawn.
        combinations: weights (w,) of the first w coefficients, and the combination's standard error.
        seed: of the draws; the same for all combinations.
        n_draws: bootstrap samples B.

    Raises:
        NotIdentifiedError: fewer than two clusters, or a sample that can't tell the coefficients.
    """
    if clusters.n_few < 2:
        raise NotIdentifiedError(f"{clusters.n_few} cluster(s); at least 2 are needed")
    used = sorted({outcome, *regressors, *instruments})
    at = {position: i for i, position in enumerate(used)}
    grams = cluster_grams(absorbed.residuals[:, used], clusters.of_row)
    points = WEBB if clusters.n_few < MIN_CLUSTERS_RADEMACHER else np.array([-1.0, 1.0])
    draws = np.random.default_rng(seed).choice(points, size=(n_draws, len(grams)))
    found = []
    for weights, se in combinations:
        whole = np.concatenate([weights, np.zeros(len(regressors) - len(weights))])
        x, z = [at[position] for position in regressors], [at[position] for position in instruments]
        bootstrap = RestrictedBootstrap(grams, at[outcome], x, z, whole, clusters.n_few)
        found.append(bootstrap.interval(se, draws))
    return found
