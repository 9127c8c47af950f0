"""Least squares with absorbed effects, against pyfixest, statsmodels and dummy variables written out.

The oracles' small-sample factors differ from ours by definition, so every standard error is first
divided by the factor of the one who computed it.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm

from pipelines.claim.linear import (
    ClusteredFit,
    Floats,
    Integers,
    NotIdentifiedError,
    absorb,
    absorb_within_clusters,
    codes,
    fit_absorbed,
    fit_clustered,
    keep_without_singletons,
)

SEEDS = range(24)


@dataclass(frozen=True)
class Sample:
    """An unbalanced panel: customers with gaps over weeks, of brands that either own them or do not."""

    outcome: Floats
    columns: Floats
    customer: Integers
    week: Integers
    brand: Integers

    @property
    def effects(self) -> list[Integers]:
        return [self.customer, self.week]

    def rows(self, chosen: Integers | np.ndarray) -> "Sample":
        return Sample(self.outcome[chosen], self.columns[chosen], self.customer[chosen], self.week[chosen], self.brand[chosen])

    def fit(self) -> ClusteredFit:
        return fit_clustered(self.outcome, self.columns, self.effects, self.brand)


def sample(seed: int, is_nested: bool = True, n_customers: int = 40, n_weeks: int = 12, n_brands: int = 7) -> Sample:
    """A random panel without singletons; customers enter late, leave early and pause."""
    rng = np.random.default_rng(seed)
    customer, week = np.nonzero(rng.random((n_customers, n_weeks)) < rng.uniform(0.15, 0.9, (n_customers, 1)))
    n_rows = len(customer)
    brand = customer % n_brands if is_nested else rng.integers(0, n_brands, n_rows)
    columns = rng.normal(size=(n_rows, 3))
    columns[:, 0] += 0.7 * rng.normal(size=n_customers)[customer] + 0.5 * rng.normal(size=n_weeks)[week]
    columns[:, 1] = columns[:, 1] * 3 + 100 + columns[:, 0]
    columns[:, 2] = columns[:, 2] > 0.5
    errors = rng.normal(size=n_rows) * (0.5 + np.abs(columns[:, 0])) + rng.normal(size=n_brands)[brand] * columns[:, 0]
    outcome = columns @ np.array([0.4, -0.2, 1.0]) + rng.normal(size=n_customers)[customer] + rng.normal(size=n_weeks)[week] + errors
    whole = Sample(outcome, columns, customer, week, np.asarray(brand))
    return whole.rows(keep_without_singletons(whole.effects))


def dummies(levels: Integers) -> Floats:
    return (levels[:, None] == np.unique(levels)[None, :]).astype(np.float64)


def factor(n_clusters: int, n_rows: int, n_parameters: int) -> float:
    return n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - n_parameters)


def bare_se(fit: ClusteredFit) -> Floats:
    """Standard errors without the small-sample factor."""
    return np.sqrt(np.diag(fit.covariance) / factor(fit.n_clusters, fit.n_rows, fit.n_parameters))


def with_dummies_written_out(s: Sample, counted: int) -> tuple[Floats, Floats]:
    """Coefficients and covariance by the textbook: dummies for everything, the sandwich, its factor.

    Args:
        s: the panel.
        counted: the parameters K of the factor.
    """
    design = np.column_stack([s.columns, dummies(s.customer), dummies(s.week)])
    coefficients: Floats = np.linalg.lstsq(design, s.outcome, rcond=None)[0].astype(np.float64)
    errors = s.outcome - design @ coefficients
    bread = np.linalg.pinv(design.T @ design)
    meat = np.zeros_like(bread)
    brands = np.unique(s.brand)
    for brand in brands:
        score = design[s.brand == brand].T @ errors[s.brand == brand]
        meat += np.outer(score, score)
    k = s.columns.shape[1]
    covariance = factor(len(brands), len(s.outcome), counted) * bread @ meat @ bread
    return coefficients[:k], covariance[:k, :k]


# Against estimators written by others.


@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_coefficients_and_standard_errors_are_those_of_pyfixest(seed: int, is_nested: bool) -> None:
    s = sample(seed, is_nested)
    frame = pd.DataFrame(s.columns, columns=pd.Index(["a", "b", "c"])).assign(y=s.outcome, customer=s.customer, week=s.week, brand=s.brand)
    theirs = pf.feols(
        "y ~ a + b + c | customer + week",
        frame,
        vcov={"CRV1": "brand"},
        ssc=pf.ssc(k_fixef="none"),
        demeaner=pf.MapDemeaner(fixef_tol=1e-12, fixef_maxiter=100_000),
    )
    their_factor = factor(len(np.unique(s.brand)), len(s.outcome), 3)
    ours = s.fit()
    np.testing.assert_allclose(ours.coefficients, theirs.coef().to_numpy(), rtol=0, atol=1e-7)
    np.testing.assert_allclose(bare_se(ours), theirs.se().to_numpy() / sqrt(their_factor), rtol=0, atol=1e-6)


@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_coefficients_and_standard_errors_are_those_of_statsmodels(seed: int, is_nested: bool) -> None:
    s = sample(seed, is_nested)
    design = np.column_stack([s.columns, dummies(s.customer), dummies(s.week)[:, 1:]])
    theirs = sm.OLS(s.outcome, design).fit(cov_type="cluster", cov_kwds={"groups": s.brand, "use_correction": True})
    their_factor = factor(len(np.unique(s.brand)), len(s.outcome), int(np.linalg.matrix_rank(design)))
    ours = s.fit()
    np.testing.assert_allclose(ours.coefficients, theirs.params[:3], rtol=0, atol=1e-7)
    np.testing.assert_allclose(bare_se(ours), theirs.bse[:3] / sqrt(their_factor), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_without_effects_it_is_statsmodels_ols_factor_and_all(seed: int) -> None:
    s = sample(seed)
    design = np.column_stack([s.columns, np.ones(len(s.outcome))])
    theirs = sm.OLS(s.outcome, design).fit(cov_type="cluster", cov_kwds={"groups": s.brand, "use_correction": True})
    ours = fit_clustered(s.outcome, design, [], s.brand)
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours.covariance, theirs.cov_params(), rtol=1e-9, atol=1e-12)
    assert ours.n_parameters == 4


@pytest.mark.filterwarnings("ignore:.*singleton fixed effect:UserWarning")
@pytest.mark.parametrize("seed", range(3))
def test_singletons_dropped_by_us_are_those_dropped_by_pyfixest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    customer, week = rng.integers(0, 60, 120), rng.integers(0, 40, 120)
    s = Sample(rng.normal(size=120), rng.normal(size=(120, 3)), customer, week, customer % 9)
    keep = keep_without_singletons(s.effects)
    assert 0 < keep.sum() < 120
    frame = pd.DataFrame(s.columns, columns=pd.Index(["a", "b", "c"])).assign(y=s.outcome, customer=s.customer, week=s.week, brand=s.brand)
    theirs = pf.feols(
        "y ~ a + b + c | customer + week",
        frame,
        vcov={"CRV1": "brand"},
        ssc=pf.ssc(k_fixef="none"),
        fixef_rm="singleton",
        demeaner=pf.MapDemeaner(fixef_tol=1e-12, fixef_maxiter=100_000),
    )
    ours = s.rows(keep).fit()
    assert len(theirs.resid()) == ours.n_rows
    np.testing.assert_allclose(ours.coefficients, theirs.coef().to_numpy(), rtol=0, atol=1e-7)
    their_factor = factor(ours.n_clusters, ours.n_rows, 3)
    np.testing.assert_allclose(bare_se(ours), theirs.se().to_numpy() / sqrt(their_factor), rtol=0, atol=1e-6)


# Against dummy variables written out, factor and all.


@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_whole_covariance_is_that_of_dummies_written_out(seed: int, is_nested: bool) -> None:
    s = sample(seed, is_nested)
    design = np.column_stack([s.columns, dummies(s.customer), dummies(s.week)])
    counted = int(np.linalg.matrix_rank(design)) - (len(np.unique(s.customer)) if is_nested else 0)
    coefficients, covariance = with_dummies_written_out(s, counted)
    ours = s.fit()
    assert ours.n_parameters == counted
    assert (ours.n_rows, ours.n_clusters) == (len(s.outcome), 7)
    np.testing.assert_allclose(ours.coefficients, coefficients, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.covariance, covariance, rtol=1e-7, atol=1e-12)


def test_an_effect_nested_in_the_clusters_is_not_counted_and_another_is() -> None:
    nested, crossed = sample(1, is_nested=True).fit(), sample(1, is_nested=False).fit()
    n_customers, n_weeks = len(np.unique(sample(1).customer)), len(np.unique(sample(1).week))
    assert nested.n_parameters == 3 + n_weeks - 1
    assert crossed.n_parameters == 3 + n_weeks - 1 + n_customers


def test_one_row_that_leaves_its_cluster_makes_the_effect_count() -> None:
    s = sample(1)
    brand = s.brand.copy()
    brand[0] = (brand[0] + 1) % 7
    moved = Sample(s.outcome, s.columns, s.customer, s.week, brand)
    assert moved.fit().n_parameters == s.fit().n_parameters + len(np.unique(s.customer))


def test_the_share_of_the_largest_cluster_is_one_of_rows() -> None:
    s = sample(2)
    assert s.fit().max_cluster_share == np.bincount(s.brand).max() / len(s.brand)


def test_a_fit_on_columns_absorbed_once_is_the_fit_on_its_own() -> None:
    s = sample(3)
    absorbed = absorb_within_clusters(np.column_stack([s.columns, s.outcome]), s.effects, s.brand)
    together, alone = fit_absorbed(absorbed, 3, [2, 0]), fit_clustered(s.outcome, s.columns[:, [2, 0]], s.effects, s.brand)
    np.testing.assert_allclose(together.coefficients, alone.coefficients, rtol=0, atol=1e-12)
    np.testing.assert_allclose(together.covariance, alone.covariance, rtol=1e-12)
    assert together.n_parameters == alone.n_parameters


# What must not matter.


@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_rows_changes_nothing(seed: int, is_nested: bool) -> None:
    s = sample(seed, is_nested)
    shuffled = s.rows(np.random.default_rng(seed).permutation(len(s.outcome))).fit()
    ours = s.fit()
    np.testing.assert_allclose(shuffled.coefficients, ours.coefficients, rtol=0, atol=1e-10)
    np.testing.assert_allclose(shuffled.covariance, ours.covariance, rtol=0, atol=1e-10)
    assert shuffled.n_parameters == ours.n_parameters


@pytest.mark.parametrize("is_nested", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_the_names_of_levels_and_clusters_change_nothing(seed: int, is_nested: bool) -> None:
    s = sample(seed, is_nested)
    rng = np.random.default_rng(seed)

    def renamed(levels: Integers) -> Integers:
        return rng.permutation(10_000)[levels] - 5_000

    ours = s.fit()
    other = Sample(s.outcome, s.columns, renamed(s.customer), renamed(s.week), renamed(s.brand)).fit()
    np.testing.assert_allclose(other.coefficients, ours.coefficients, rtol=0, atol=1e-10)
    np.testing.assert_allclose(other.covariance, ours.covariance, rtol=0, atol=1e-10)
    assert other.n_parameters == ours.n_parameters


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_the_effects_changes_no_coefficient(seed: int) -> None:
    s = sample(seed, is_nested=False)
    swapped = fit_clustered(s.outcome, s.columns, [s.week, s.customer], s.brand)
    np.testing.assert_allclose(swapped.coefficients, s.fit().coefficients, rtol=0, atol=1e-10)
    assert swapped.n_parameters == s.fit().n_parameters


def test_a_constant_added_to_everyone_s_level_changes_nothing() -> None:
    s = sample(4)
    rng = np.random.default_rng(4)
    shifted = s.outcome + rng.normal(size=100)[s.customer] * 10 + rng.normal(size=100)[s.week] * 10
    other = fit_clustered(shifted, s.columns, s.effects, s.brand)
    np.testing.assert_allclose(other.coefficients, s.fit().coefficients, rtol=0, atol=1e-10)
    np.testing.assert_allclose(other.covariance, s.fit().covariance, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    "unit",
    [
        1e6,
        1e-3,
        1e-12,
    ],
)
def test_the_unit_of_a_column_only_scales_its_coefficient(unit: float) -> None:
    s = sample(5)
    other = fit_clustered(s.outcome, s.columns * np.array([unit, 1, 1]), s.effects, s.brand)
    np.testing.assert_allclose(other.coefficients * np.array([unit, 1, 1]), s.fit().coefficients, rtol=1e-8)


# What can't be told apart.


def test_a_column_that_is_another_one_doubled_is_refused() -> None:
    s = sample(6)
    with pytest.raises(NotIdentifiedError, match="collinear"):
        fit_clustered(s.outcome, np.column_stack([s.columns, 2 * s.columns[:, 0]]), s.effects, s.brand)


def test_a_column_that_is_another_one_once_effects_are_gone_is_refused() -> None:
    s = sample(6)
    rng = np.random.default_rng(6)
    hidden = s.columns[:, 0] - s.columns[:, 1] + rng.normal(size=100)[s.customer] + rng.normal(size=100)[s.week]
    with pytest.raises(NotIdentifiedError, match="collinear"):
        fit_clustered(s.outcome, np.column_stack([s.columns, hidden]), s.effects, s.brand)


@pytest.mark.parametrize("height", [0.0, 1.0, 12345.678])
def test_a_constant_column_is_refused(height: float) -> None:
    s = sample(6)
    with pytest.raises(NotIdentifiedError, match="no variation of its own"):
        fit_clustered(s.outcome, np.column_stack([s.columns, np.full(len(s.outcome), height)]), s.effects, s.brand)


@pytest.mark.parametrize("name", ["customer", "week"])
def test_a_column_that_one_effect_explains_is_refused(name: str) -> None:
    s = sample(6)
    explained = np.random.default_rng(6).normal(size=100)[getattr(s, name)]
    with pytest.raises(NotIdentifiedError, match="no variation of its own"):
        fit_clustered(s.outcome, np.column_stack([s.columns, explained]), s.effects, s.brand)


def test_two_constants_without_effects_are_refused() -> None:
    s = sample(6)
    ones = np.ones(len(s.outcome))
    with pytest.raises(NotIdentifiedError, match="collinear"):
        fit_clustered(s.outcome, np.column_stack([s.columns, ones, ones]), [], s.brand)


def test_one_cluster_is_refused() -> None:
    s = sample(7)
    with pytest.raises(NotIdentifiedError, match=r"1 cluster\(s\); at least 2 are needed"):
        fit_clustered(s.outcome, s.columns, s.effects, np.zeros(len(s.outcome), dtype=np.int64))


def test_as_many_parameters_as_rows_are_refused() -> None:
    rng = np.random.default_rng(8)
    customer, week = np.repeat([0, 1], 2), np.tile([0, 1], 2)
    with pytest.raises(NotIdentifiedError, match="4 rows for"):
        fit_clustered(rng.normal(size=4), rng.normal(size=(4, 3)), [customer, week], customer)


# Singletons.


def test_dropping_a_singleton_can_make_others() -> None:
    # Week 9 holds customer 0 alone; without that row customer 0 is alone in week 8, and so on.
    customer = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    week = np.array([9, 8, 8, 7, 7, 6, 1, 2, 1, 2])
    expected = [False] * 6 + [True] * 4
    assert keep_without_singletons([customer, week]).tolist() == expected
    assert keep_without_singletons([week, customer]).tolist() == expected


def test_a_chain_of_singletons_may_leave_nothing() -> None:
    customer = np.repeat(np.arange(50), 2)
    week = np.arange(100) // 2 + np.tile([0, 1], 50)
    assert not keep_without_singletons([customer, week]).any()


def test_rows_in_company_are_all_kept() -> None:
    customer, week = np.repeat([0, 1, 2], 3), np.tile([0, 1, 2], 3)
    assert keep_without_singletons([customer, week]).all()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_is_the_largest_part_without_singletons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    effects = [rng.integers(0, 30, 60), rng.integers(0, 30, 60), rng.integers(0, 15, 60)]
    alive = set(range(60))
    while True:
        lonely = {row for row in alive for effect in effects if sum(effect[other] == effect[row] for other in alive) == 1}
        if not lonely:
            break
        alive -= lonely
    assert set(np.flatnonzero(keep_without_singletons(effects)).tolist()) == alive


def test_no_rows_are_no_singletons() -> None:
    empty = np.array([], dtype=np.int64)
    assert keep_without_singletons([empty, empty]).tolist() == []


# Absorbing.


@pytest.mark.parametrize("seed", range(8))
def test_residuals_are_those_on_dummies_written_out(seed: int) -> None:
    s = sample(seed)
    season = s.week % 4
    design = np.column_stack([dummies(s.customer), dummies(s.week), dummies(season)])
    expected = s.columns - design @ np.linalg.lstsq(design, s.columns, rcond=None)[0]
    residuals, rank = absorb(s.columns, [codes(s.customer), codes(s.week), season])
    np.testing.assert_allclose(residuals, expected, rtol=0, atol=1e-9)
    # Seasons are made of weeks and add nothing.
    assert rank == len(np.unique(s.week)) - 1


def test_panels_that_never_meet_lose_a_parameter_each() -> None:
    """Three groups of customers, each with weeks of its own: one week effect less in every group."""
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 40)
    customer, week = group * 10 + rng.integers(0, 8, 120), group * 10 + rng.integers(0, 6, 120)
    columns = rng.normal(size=(120, 2))
    residuals, rank = absorb(columns, [codes(customer), codes(week)])
    design = np.column_stack([dummies(customer), dummies(week)])
    expected = columns - design @ np.linalg.lstsq(design, columns, rcond=None)[0]
    np.testing.assert_allclose(residuals, expected, rtol=0, atol=1e-9)
    assert rank == len(np.unique(week)) - 3
    assert len(np.unique(customer)) + rank == np.linalg.matrix_rank(design)


def test_a_fit_on_panels_that_never_meet_is_that_of_dummies_written_out() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat([0, 1, 2], 60)
    customer, week = group * 10 + rng.integers(0, 8, 180), group * 10 + rng.integers(0, 6, 180)
    s = Sample(rng.normal(size=180), rng.normal(size=(180, 2)), customer, week, customer)
    counted = 2 + len(np.unique(week)) - 3
    coefficients, covariance = with_dummies_written_out(s, counted)
    ours = s.fit()
    assert ours.n_parameters == counted
    np.testing.assert_allclose(ours.coefficients, coefficients, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.covariance, covariance, rtol=1e-7, atol=1e-12)


def test_a_long_chain_of_overlaps_is_absorbed_exactly() -> None:
    """Every customer links two neighbouring weeks only: the worst case for methods that iterate."""
    n_weeks = 200
    customer = np.repeat(np.arange(2 * (n_weeks - 1)), 2)
    week = customer // 2 + np.tile([0, 1], 2 * (n_weeks - 1))
    rng = np.random.default_rng(2)
    smooth = np.cumsum(rng.normal(size=n_weeks))[week]
    columns = np.column_stack([smooth, rng.normal(size=len(week))])
    residuals, rank = absorb(columns, [customer, week])
    assert rank == n_weeks - 1
    assert np.abs(residuals[:, 0]).max() < 1e-9
    for effect in (customer, week):
        assert np.abs(np.bincount(effect, weights=residuals[:, 1])).max() < 1e-9


def test_no_effects_take_nothing_away() -> None:
    columns = np.arange(6.0).reshape(3, 2)
    residuals, rank = absorb(columns, [])
    assert rank == 0
    assert residuals.tolist() == columns.tolist()
    residuals[0, 0] = 99
    assert columns[0, 0] == 0


def test_one_effect_takes_the_means_away() -> None:
    residuals, rank = absorb(np.array([[1.0], [3.0], [10.0]]), [np.array([0, 0, 1])])
    assert rank == 0
    assert residuals.ravel().tolist() == [-1.0, 1.0, 0.0]


def test_codes_number_values_in_their_order() -> None:
    assert codes(np.array(["b", "a", "c", "a"])).tolist() == [1, 0, 2, 0]
    assert codes(np.array([], dtype=np.int64)).tolist() == []
