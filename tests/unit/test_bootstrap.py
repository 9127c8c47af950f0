"""The wild cluster bootstrap from cross products, against diff-diff's and against samples made row by row."""

from itertools import product

import linearmodels.iv
import numpy as np
import pytest
from diff_diff.utils import wild_bootstrap_se

from pipelines.claim.bootstrap import bootstrap_statistics, cluster_grams, wild_cluster_bootstrap
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError

# Columns: outcome, regressor, instrument, control, constant.
EXOGENOUS = [3, 4]


def sample(seed: int, n_clusters: int) -> tuple[Floats, Integers]:
    rng = np.random.default_rng(seed)
    cluster = np.sort(rng.integers(0, n_clusters, 12 * n_clusters))
    cluster[:n_clusters] = np.arange(n_clusters)
    n = len(cluster)
    z = rng.normal(size=n_clusters)[cluster] + 0.5 * rng.normal(size=n)
    hidden, control = rng.normal(size=(2, n))
    x = z + hidden + 0.3 * control
    y = 0.2 * x - hidden + control + rng.normal(size=n_clusters)[cluster] + rng.normal(size=n)
    return np.column_stack([y, x, z, control, np.ones(n)]), cluster


@pytest.mark.parametrize("null", [0.0, -0.4])
@pytest.mark.parametrize("seed", range(20))
def test_all_sign_vectors_give_the_statistics_of_diff_diff(seed: int, null: float) -> None:
    columns, cluster = sample(seed, 8)
    n, k, g = len(columns), 3, 8
    x, y = columns[:, [1, 3, 4]], columns[:, 0]
    theirs = wild_bootstrap_se(x, y, np.zeros(n), cluster, 0, 999, null_hypothesis=null, return_distribution=True, seed=0)
    draws = np.array(list(product([-1.0, 1.0], repeat=g)))
    ours = bootstrap_statistics(cluster_grams(columns, cluster), 0, 1, EXOGENOUS, draws, null=null)
    factor = np.sqrt(g / (g - 1) * (n - 1) / (n - k))
    assert theirs.bootstrap_distribution is not None
    np.testing.assert_allclose(np.sort(ours), np.sort(theirs.bootstrap_distribution) * factor, rtol=0, atol=1e-7)
    t = wild_cluster_bootstrap(cluster_grams(columns, cluster), 0, 1, EXOGENOUS, null=null, n_draws=9).t
    assert t == pytest.approx(theirs.t_stat_original * factor, abs=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_p_and_interval_are_those_of_diff_diff_up_to_the_draws(seed: int) -> None:
    columns, cluster = sample(seed, 30)
    theirs = wild_bootstrap_se(columns[:, [1, 3, 4]], columns[:, 0], np.zeros(len(columns)), cluster, 0, 3999, seed=1)
    ours = wild_cluster_bootstrap(cluster_grams(columns, cluster), 0, 1, EXOGENOUS, n_draws=3999)
    assert ours.weights == "rademacher"
    assert ours.p == pytest.approx(theirs.p_value, abs=0.03)
    width = theirs.ci_upper - theirs.ci_lower
    assert (ours.ci_lo, ours.ci_hi) == pytest.approx((theirs.ci_lower, theirs.ci_upper), abs=0.06 * width)


@pytest.mark.parametrize("seed", range(6))
def test_instrumented_samples_are_those_made_row_by_row(seed: int) -> None:
    """Davidson and MacKinnon (2010) written out by row, each sample fitted by linearmodels."""
    columns, cluster = sample(seed, 13)
    null = 0.1
    y, x, z, w = columns[:, 0], columns[:, 1], columns[:, 2], columns[:, EXOGENOUS]

    def fitted(target: Floats, design: Floats) -> Floats:
        return np.linalg.lstsq(design, target, rcond=None)[0].astype(np.float64)

    delta = fitted(y - null * x, w)
    first = y - null * x - w @ delta
    pi = fitted(x, np.column_stack([z, w, first]))[:3]
    mean_x = np.column_stack([z, w]) @ pi
    draws = np.random.default_rng(seed).choice([-1.0, 1.0], size=(6, 13))
    expected = []
    for draw in draws:
        new_x = mean_x + draw[cluster] * (x - mean_x)
        new_y = null * new_x + w @ delta + draw[cluster] * first
        fit = linearmodels.iv.IV2SLS(new_y, w, new_x, z).fit(cov_type="clustered", clusters=cluster, debiased=False)
        expected.append((fit.params.iloc[2] - null) / fit.std_errors.iloc[2])
    ours = bootstrap_statistics(cluster_grams(columns, cluster), 0, 1, EXOGENOUS, draws, instrument=2, null=null)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("instrument", [None, 2])
def test_the_interval_holds_the_values_that_are_not_rejected(instrument: int | None) -> None:
    columns, cluster = sample(2, 14)
    grams = cluster_grams(columns, cluster)
    ours = wild_cluster_bootstrap(grams, 0, 1, EXOGENOUS, instrument, n_draws=399)
    for end, outwards in ((ours.ci_lo, -1e-3), (ours.ci_hi, 1e-3)):
        assert wild_cluster_bootstrap(grams, 0, 1, EXOGENOUS, instrument, end - outwards, n_draws=399).p > 0.05
        assert wild_cluster_bootstrap(grams, 0, 1, EXOGENOUS, instrument, end + outwards, n_draws=399).p <= 0.05


def test_the_same_seed_gives_the_same_and_order_of_rows_is_nothing() -> None:
    columns, cluster = sample(3, 10)
    order = np.random.default_rng(0).permutation(len(columns))
    one = wild_cluster_bootstrap(cluster_grams(columns, cluster), 0, 1, EXOGENOUS, 2)
    other = wild_cluster_bootstrap(cluster_grams(columns[order], cluster[order]), 0, 1, EXOGENOUS, 2)
    assert one.weights == "webb"
    assert (other.p, other.n_clusters) == (one.p, 10)
    assert (other.ci_lo, other.ci_hi, other.t) == pytest.approx((one.ci_lo, one.ci_hi, one.t), abs=1e-8)


def test_size_under_the_null_with_nine_clusters() -> None:
    """CRV1 with normal critical values rejects far too often here; the bootstrap about as often as it says."""
    p, t = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        cluster = np.repeat(np.arange(9), 12)
        x, y = (rng.normal(size=9)[cluster] + 0.2 * rng.normal(size=108) for _ in range(2))
        grams = cluster_grams(np.column_stack([y, x, np.ones(108)]), cluster)
        # Weights that are all 1 give the sample itself back.
        draws = np.vstack([np.ones(9), rng.choice([-1.0, 1.0], size=(199, 9))])
        size = np.abs(bootstrap_statistics(grams, 0, 1, [2], draws))
        t.append(size[0])
        p.append(np.mean(size >= size[0] * (1 - 1e-10)))
    assert np.mean(np.array(t) > 1.96) > 0.12
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_degenerate_samples_are_refused() -> None:
    columns, cluster = sample(0, 8)
    with pytest.raises(NotIdentifiedError, match="1 cluster"):
        wild_cluster_bootstrap(cluster_grams(columns, np.zeros_like(cluster)), 0, 1, EXOGENOUS)
    with pytest.raises(NotIdentifiedError, match="collinear"):
        wild_cluster_bootstrap(cluster_grams(columns, cluster), 0, 4, EXOGENOUS)
    exact = np.column_stack([2 * columns[:, 1] + 3, columns[:, 1:]])
    with pytest.raises(NotIdentifiedError, match="no residual variation"):
        wild_cluster_bootstrap(cluster_grams(exact, cluster), 0, 1, EXOGENOUS)
    unmoved = columns.copy()
    others = unmoved[:, [1, 3, 4]]
    unmoved[:, 2] -= others @ np.linalg.lstsq(others, unmoved[:, 2], rcond=None)[0]
    with pytest.raises(NotIdentifiedError, match="does not move"):
        wild_cluster_bootstrap(cluster_grams(unmoved, cluster), 0, 1, EXOGENOUS, 2)
