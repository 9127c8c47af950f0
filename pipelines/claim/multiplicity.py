"""Many tests at once: Holm, Benjamini and Hochberg, and comparisons with the best."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats
from scipy.stats import qmc

from pipelines.claim.linear import Floats, NotIdentifiedError

# Directions of the quasi-random integral, besides their opposites; its error in a critical value is below 0.001.
LOG2_POINTS = 13


@dataclass(frozen=True)
class BestComparison:
    """Each of k levers against the best of the others.

    Args:
        difference: (k,) estimate less the largest other estimate.
        lower: (k,) simultaneous lower bound of lever i against every other, for a lever i named beforehand.
        hsu_lower, hsu_upper: (k,) constrained intervals of Hsu for all levers at once; they hold 0 or touch it.
        critical: (k,) one-sided critical value with lever i as the reference.
    """

    difference: Floats
    lower: Floats
    hsu_lower: Floats
    hsu_upper: Floats
    critical: Floats


def holm(p: Floats) -> Floats:
    """Adjusted p-values (m,) that control the chance of any false rejection (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(_checked(p)[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """q-values (m,) that control the share of false rejections (Benjamini and Hochberg 1995)."""
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(_checked(p)[order] * len(p) / np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def compare_with_best(estimates: Floats, covariance: Floats, df: float, level: float = 0.95, seed: int = 0) -> BestComparison:
    """Multiple comparisons with the best for correlated estimates of unequal precision (Hsu 1981, 1984, 1996).

    With d_i the one-sided critical value of the differences against lever i (Dunnett 1955), and s_ij their
    standard errors: upper_i = max(0, min_j (e_i - e_j + d_i s_ij)); over the levers J whose upper bound is
    positive, lower_i = 0 if J = {i}, else min_(j in J) (e_i - e_j - d_j s_ij), at most 0. `lower` is
    min_j (e_i - e_j - d_i s_ij): above 0 it says that lever i is best, by that much at least.

    Args:
        estimates: (k,), k at least 2; larger is better.
        covariance: (k, k) of them.
        df: degrees of freedom of the covariance; infinite for a normal limit.
        level: simultaneous confidence level.
        seed: of the quasi-random points.

    Raises:
        NotIdentifiedError: fewer than two estimates, or a difference without a standard error.
    """
    k = len(estimates)
    if k < 2 or not df > 0 or not np.all(np.isfinite(covariance)):
        raise NotIdentifiedError("fewer than two estimates, or no covariance of them")
    differences = estimates[:, None] - estimates
    variances = np.diag(covariance)
    squares = variances[:, None] + variances - 2 * covariance
    off = ~np.eye(k, dtype=bool)
    if np.any(squares[off] <= 1e-14 * variances.max()) or variances.max() <= 0:
        raise NotIdentifiedError("a difference has no standard error")
    s = np.sqrt(np.where(off, squares, 1.0))
    d = np.array([_critical_against(i, covariance, s[i], df, level, seed) for i in range(k)])

    def least(values: Floats, among: Floats) -> Floats:
        return np.where(among, values, np.inf).min(axis=1)

    upper = np.maximum(least(differences + d[:, None] * s, off), 0.0)
    may_be_best = upper > 0
    rivals = off & may_be_best[None, :]
    lower = np.where(rivals.any(axis=1), np.minimum(least(differences - d[None, :] * s, rivals), 0.0), 0.0)
    return BestComparison(
        difference=least(differences, off), lower=least(differences - d[:, None] * s, off), hsu_lower=lower, hsu_upper=upper, critical=d
    )


def one_sided_critical_value(correlation: Floats, df: float, level: float, seed: int = 0) -> float:
    """c with P(T_1 <= c, ..., T_m <= c) = level for a multivariate t (Dunnett 1955).

    The length of the vector is integrated exactly, its direction over scrambled Sobol points (Owen 1997) and their
    opposites (Deak 1980): the same seed gives the same value.

    Args:
        correlation: (m, m), may be singular.
        df: degrees of freedom; infinite for a normal.
        level: joint probability, above one half.
        seed: of the points.
    """
    m = len(correlation)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    points = qmc.Sobol(m, scramble=True, rng=np.random.default_rng(seed)).random_base2(LOG2_POINTS)
    normal = special.ndtri(np.clip(points, 1e-12, 1 - 1e-12))
    direction = normal / np.sqrt((normal**2).sum(axis=1))[:, None]
    reach = np.concatenate([(direction @ root.T).max(axis=1), (-direction @ root.T).max(axis=1)])
    reach = reach[reach > 0]
    n_never = 2 * len(normal) - len(reach)

    def excess(c: float) -> float:
        # Along a direction the length of the normal over the scale is the root of m times an F variable.
        squared = (c / reach) ** 2
        inside = special.fdtr(m, df, squared / m) if np.isfinite(df) else special.chdtr(m, squared)
        return (float(inside.sum()) + n_never) / (2 * len(normal)) - level

    # Between the value of one comparison alone and Bonferroni's, with room for the error of the integral.
    alone, bonferroni = (float(stats.t.ppf(1 - (1 - level) / n, df)) for n in (1, m))
    return float(optimize.brentq(excess, alone - 0.1, bonferroni + 0.1, xtol=1e-8))


def _critical_against(i: int, covariance: Floats, s: Floats, df: float, level: float, seed: int) -> float:
    """Critical value of the differences of lever i against all others."""
    k = len(covariance)
    contrast = np.delete(np.eye(k)[i] - np.eye(k), i, axis=0) / np.delete(s, i)[:, None]
    return one_sided_critical_value(contrast @ covariance @ contrast.T, df, level, seed)


def _checked(p: Floats) -> Floats:
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("a p-value lies in [0, 1]")
    return p
