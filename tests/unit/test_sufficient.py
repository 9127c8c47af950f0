"""Fits from cross-products by cluster, against fits on the rows and against pyfixest."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from pipelines.claim.linear import Floats, Integers, NotIdentifiedError, absorb, absorb_within_clusters, codes, fit_clustered
from pipelines.claim.sufficient import LevelStatistics, SufficientStatistics, fit, jackknife, merge, wild_bootstrap
from tests.unit.test_linear import SEEDS, Sample, dummies, sample

REGRESSORS = [1, 2, 3]
SIX_POINTS = np.array([-np.sqrt(1.5), -1, -np.sqrt(0.5), np.sqrt(0.5), 1, np.sqrt(1.5)])


def from_rows(s: Sample, cluster: Integers, with_levels: bool = False) -> SufficientStatistics:
    """What the database makes, made of residuals: column 0 is the outcome."""
    columns = np.column_stack([s.outcome, s.columns])
    absorbed = absorb_within_clusters(columns, s.effects, cluster)
    groups = [absorbed.residuals[absorbed.cluster == g] for g in range(absorbed.cluster.max() + 1)]
    upper = np.triu_indices(columns.shape[1])
    return SufficientStatistics(
        n_rows=np.array([len(group) for group in groups]),
        products=np.array([(group.T @ group)[upper] for group in groups]),
        sizes=absorbed.sizes,
        n_absorbed=absorbed.n_parameters,
        levels=levels_from_rows(s, codes(cluster), absorbed.residuals) if with_levels else None,
    )


def levels_from_rows(s: Sample, cluster: Integers, residuals: Floats) -> LevelStatistics:
    weeks = dummies(s.week)
    within, _ = absorb(weeks, [codes(s.customer)])
    chosen = [cluster == g for g in range(cluster.max() + 1)]
    return LevelStatistics(
        np.array([within[rows].T @ within[rows] for rows in chosen]), np.array([weeks[rows].T @ residuals[rows] for rows in chosen])
    )


def left_out_covariance(s: Sample, cluster: Integers) -> Floats:
    """CRV3 by its definition: a fit without each cluster, effects and all."""
    coefficients = fit_clustered(s.outcome, s.columns, s.effects, cluster).coefficients
    deviations = []
    for g in np.unique(cluster):
        rest = s.rows(cluster != g)
        deviations.append(fit_clustered(rest.outcome, rest.columns, rest.effects, cluster[cluster != g]).coefficients - coefficients)
    n_clusters = len(deviations)
    return (n_clusters - 1) / n_clusters * np.array(deviations).T @ np.array(deviations)


# Fits.


@pytest.mark.parametrize("by", ["brand", "customer"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fit_is_that_on_the_rows(seed: int, by: str) -> None:
    s = sample(seed)
    cluster = getattr(s, by)
    on_rows, ours = fit_clustered(s.outcome, s.columns, s.effects, cluster), fit(from_rows(s, cluster), 0, REGRESSORS)
    np.testing.assert_allclose(ours.coefficients, on_rows.coefficients, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.covariance, on_rows.covariance, rtol=1e-9, atol=1e-14)
    counts = ("n_rows", "n_parameters", "n_clusters", "max_cluster_share")
    assert [getattr(ours, name) for name in counts] == [getattr(on_rows, name) for name in counts]


@pytest.mark.parametrize("seed", range(3))
def test_any_choice_of_columns_is_a_fit_on_the_rows(seed: int) -> None:
    s = sample(seed)
    columns = np.column_stack([s.outcome, s.columns])
    statistics = from_rows(s, s.brand)
    for size in (1, 2, 3):
        for outcome, *regressors in [(y, *x) for y in range(4) for x in combinations([c for c in (3, 2, 1, 0) if c != y], size)]:
            on_rows = fit_clustered(columns[:, outcome], columns[:, regressors], s.effects, s.brand)
            ours = fit(statistics, outcome, regressors)
            np.testing.assert_allclose(ours.coefficients, on_rows.coefficients, rtol=0, atol=1e-9)
            np.testing.assert_allclose(ours.covariance, on_rows.covariance, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("seed", range(4))
def test_customers_put_together_by_brand_are_clusters_by_brand(seed: int) -> None:
    s = sample(seed)
    by_customer = from_rows(s, s.customer, with_levels=True)
    brands = codes(s.brand)[np.unique(s.customer, return_index=True)[1]]
    merged, direct = merge(by_customer, brands), from_rows(s, s.brand, with_levels=True)
    assert merged.n_rows.tolist() == direct.n_rows.tolist()
    np.testing.assert_allclose(merged.products, direct.products, rtol=0, atol=1e-9)
    assert merged.levels is not None
    assert direct.levels is not None
    np.testing.assert_allclose(merged.levels.grams, direct.levels.grams, rtol=0, atol=1e-9)
    np.testing.assert_allclose(merged.levels.residuals, direct.levels.residuals, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fit(merged, 0, REGRESSORS).covariance, fit(direct, 0, REGRESSORS).covariance, rtol=1e-9)


def test_the_order_of_clusters_changes_nothing() -> None:
    statistics = from_rows(sample(3), sample(3).customer)
    shuffled = merge(statistics, np.random.default_rng(3).permutation(len(statistics.n_rows)))
    assert shuffled.n_rows.tolist() != statistics.n_rows.tolist()
    for estimator in (fit, jackknife):
        ours, theirs = estimator(shuffled, 0, REGRESSORS), estimator(statistics, 0, REGRESSORS)
        np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=0, atol=1e-10)


# The cluster jackknife.


@pytest.mark.parametrize("by", ["brand", "customer"])
@pytest.mark.parametrize("seed", range(8))
def test_the_jackknife_is_a_fit_without_each_cluster(seed: int, by: str) -> None:
    s = sample(seed)
    cluster = getattr(s, by)
    ours = jackknife(from_rows(s, cluster, with_levels=True), 0, REGRESSORS)
    np.testing.assert_allclose(ours.covariance, left_out_covariance(s, cluster), rtol=1e-7, atol=1e-12)


def test_the_jackknife_is_that_of_pyfixest() -> None:
    s = sample(2)
    columns = dict(zip("abc", s.columns.T, strict=True))
    frame = pd.DataFrame({"y": s.outcome, **columns, "customer": s.customer, "week": s.week, "brand": s.brand})
    tight = pf.MapDemeaner(fixef_tol=1e-12, fixef_maxiter=100_000)
    # Their refits absorb at the default tolerance, which limits the agreement.
    theirs = pf.feols(
        "y ~ a + b + c | customer + week", frame, vcov={"CRV3": "brand"}, ssc=pf.ssc(k_adj=False, G_adj=False), demeaner=tight
    )
    n_brands = len(np.unique(s.brand))
    ours = jackknife(from_rows(s, s.brand, with_levels=True), 0, REGRESSORS)
    np.testing.assert_allclose(np.sqrt(np.diag(ours.covariance) * n_brands / (n_brands - 1)), theirs.se().to_numpy(), rtol=0, atol=1e-5)


def test_without_levels_the_jackknife_keeps_the_effects_of_all_clusters() -> None:
    s = sample(5)
    absorbed = absorb_within_clusters(np.column_stack([s.outcome, s.columns]), s.effects, s.brand)
    y, x = absorbed.residuals[:, 0], absorbed.residuals[:, 1:]
    whole = np.linalg.lstsq(x, y, rcond=None)[0]
    deviations = np.array([np.linalg.lstsq(x[s.brand != b], y[s.brand != b], rcond=None)[0] - whole for b in np.unique(s.brand)])
    ours = jackknife(from_rows(s, s.brand), 0, REGRESSORS)
    np.testing.assert_allclose(ours.covariance, 6 / 7 * deviations.T @ deviations, rtol=1e-9)
    assert not np.allclose(ours.covariance, left_out_covariance(s, s.brand), rtol=1e-3)


def test_the_jackknife_refuses_a_column_that_one_cluster_alone_moves() -> None:
    s = sample(6)
    only = np.where(s.brand == 3, s.columns[:, 2], 0.0)
    lone = Sample(s.outcome, np.column_stack([s.columns[:, 0], only]), s.customer, s.week, s.brand)
    statistics = from_rows(lone, lone.brand, with_levels=True)
    assert np.isfinite(fit(statistics, 0, [1, 2]).covariance).all()
    with pytest.raises(NotIdentifiedError, match="without 1 of the 7 clusters"):
        jackknife(statistics, 0, [1, 2])


# The wild bootstrap.


def drawn_by_hand(s: Sample, cluster: Integers, tested: int, null_value: float, weights: Floats) -> list[float]:
    """t statistics of fits on outcomes written out: the restricted fit and its residuals times weights."""
    others = [j for j in range(s.columns.shape[1]) if j != tested]
    residuals, _ = absorb(
        np.column_stack([s.outcome - null_value * s.columns[:, tested], s.columns[:, others]]), [codes(e) for e in s.effects]
    )
    errors = residuals[:, 0] - residuals[:, 1:] @ np.linalg.lstsq(residuals[:, 1:], residuals[:, 0], rcond=None)[0]
    found = []
    for drawn in weights:
        outcome = s.outcome - errors + drawn[codes(cluster)] * errors
        refit = fit_clustered(outcome, s.columns, s.effects, cluster)
        found.append((refit.coefficients[tested] - null_value) / np.sqrt(refit.covariance[tested, tested]))
    return found


@pytest.mark.parametrize("by", ["brand", "customer"])
@pytest.mark.parametrize(("tested", "null_value"), [(0, 0.0), (1, 0.0), (2, 0.8)])
def test_a_draw_is_a_fit_on_an_outcome_written_out(by: str, tested: int, null_value: float) -> None:
    s = sample(9)
    cluster = getattr(s, by)
    weights = np.random.default_rng(9).choice(SIX_POINTS, size=(20, len(np.unique(cluster))))
    ours = wild_bootstrap(from_rows(s, cluster, with_levels=True), 0, REGRESSORS, tested, weights, null_value)
    np.testing.assert_allclose(ours.draws, drawn_by_hand(s, cluster, tested, null_value, weights), rtol=1e-8)
    on_rows = fit_clustered(s.outcome, s.columns, s.effects, cluster)
    assert ours.t == pytest.approx((on_rows.coefficients[tested] - null_value) / np.sqrt(on_rows.covariance[tested, tested]), rel=1e-9)


def test_with_one_regressor_the_null_holds_it_whole() -> None:
    s = sample(9)
    alone = Sample(s.outcome, s.columns[:, :1], s.customer, s.week, s.brand)
    weights = np.random.default_rng(1).choice(SIX_POINTS, size=(10, 7))
    ours = wild_bootstrap(from_rows(alone, s.brand, with_levels=True), 0, [1], 0, weights, 0.3)
    np.testing.assert_allclose(ours.draws, drawn_by_hand(alone, s.brand, 0, 0.3, weights), rtol=1e-8)


def test_all_signs_hold_the_data_themselves_and_their_mirror() -> None:
    """The share can't be below two in 2^7, however strong the effect: ties by rounding are counted."""
    s = sample(10)
    strong = Sample(s.outcome + 50 * s.columns[:, 0], s.columns, s.customer, s.week, s.brand)
    signs = np.array(list(product([-1, 1], repeat=7)))
    assert wild_bootstrap(from_rows(strong, s.brand, with_levels=True), 0, REGRESSORS, 0, signs).p >= 2 / 128


def test_a_true_null_is_rejected_about_as_often_as_said() -> None:
    """100 panels with cluster errors and a null that holds; p below .2 in about twenty of them."""
    rng = np.random.default_rng(0)
    rejected = 0
    for _ in range(100):
        s = sample(int(rng.integers(1_000_000)), n_customers=60, n_brands=12)
        brand_errors = rng.normal(size=12)[s.brand] * s.columns[:, 0] + rng.normal(size=len(s.brand))
        null = Sample(brand_errors, s.columns, s.customer, s.week, s.brand)
        weights = rng.choice([-1.0, 1.0], size=(99, 12))
        rejected += wild_bootstrap(from_rows(null, s.brand, with_levels=True), 0, REGRESSORS, 0, weights).p < 0.2
    assert 8 <= rejected <= 32


# What can't be told apart.


def test_collinear_columns_are_refused() -> None:
    s = sample(6)
    hidden = s.columns[:, 0] - s.columns[:, 1] + np.random.default_rng(6).normal(size=100)[s.week]
    statistics = from_rows(Sample(s.outcome, np.column_stack([s.columns, hidden]), s.customer, s.week, s.brand), s.brand)
    with pytest.raises(NotIdentifiedError, match="collinear"):
        fit(statistics, 0, [1, 2, 3, 4])
    fit(statistics, 0, [1, 2, 3])


def test_a_column_that_effects_explain_is_refused() -> None:
    s = sample(6)
    explained = np.random.default_rng(6).normal(size=100)[s.week] + 1e3
    statistics = from_rows(Sample(s.outcome, explained[:, None], s.customer, s.week, s.brand), s.brand)
    for estimator in (fit, jackknife):
        with pytest.raises(NotIdentifiedError, match="no variation of its own"):
            estimator(statistics, 0, [1])


def test_one_cluster_is_refused() -> None:
    s = sample(7)
    statistics = merge(from_rows(s, s.customer), np.zeros(len(np.unique(s.customer)), dtype=np.int64))
    with pytest.raises(NotIdentifiedError, match=r"1 cluster\(s\); at least 2 are needed"):
        fit(statistics, 0, REGRESSORS)


def test_as_many_parameters_as_rows_are_refused() -> None:
    statistics = SufficientStatistics(np.array([2, 2]), np.ones((2, 3)), np.ones(2), n_absorbed=3)
    with pytest.raises(NotIdentifiedError, match="4 rows for 4 parameters"):
        fit(statistics, 0, [1])


def test_an_outcome_that_is_explained_whole_has_nothing_to_draw_from() -> None:
    s = sample(6)
    explained = Sample(s.columns @ np.ones(3), s.columns, s.customer, s.week, s.brand)
    with pytest.raises(NotIdentifiedError, match="no residuals to draw from"):
        wild_bootstrap(from_rows(explained, s.brand), 0, REGRESSORS, 0, np.ones((1, 7)))
