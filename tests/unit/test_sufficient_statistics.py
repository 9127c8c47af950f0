"""Sufficient statistics made by DuckDB, against fits on the rows and against pyfixest."""

import hashlib
import json
from collections.abc import Iterator
from math import sqrt

import duckdb
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from pipelines import sufficient_statistics as module
from pipelines.claim.linear import ClusteredFit, NotIdentifiedError, fit_clustered, keep_without_singletons
from pipelines.claim.sufficient import SufficientStatistics, fit, jackknife, merge
from pipelines.sufficient_statistics import PanelRelation, sufficient_statistics
from tests.unit.test_linear import SEEDS, Sample, bare_se, factor, sample
from tests.unit.test_sufficient import REGRESSORS, from_rows, left_out_covariance

CLUSTERS = [("brand",), ("brand", "customer")]


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as opened:
        yield opened


def columns_of(s: Sample) -> tuple[str, ...]:
    return ("y", *(f"x{j}" for j in range(s.columns.shape[1])))


def write(connection: duckdb.DuckDBPyConnection, s: Sample, name: str = "panel") -> None:
    regressors = {f"x{j}": np.ascontiguousarray(s.columns[:, j]) for j in range(s.columns.shape[1])}
    rows = {"brand": s.brand, "customer": s.customer, "week": s.week, "y": s.outcome, **regressors}
    connection.register("rows_of_a_test", rows)
    connection.execute(f"create or replace table {name} as from rows_of_a_test")
    connection.unregister("rows_of_a_test")


def panel_of(s: Sample, cluster: tuple[str, ...] = ("brand",), relation: str = "panel") -> PanelRelation:
    return PanelRelation(relation, ("brand", "customer"), "week", columns_of(s), cluster)


def statistics_of(
    connection: duckdb.DuckDBPyConnection, s: Sample, cluster: tuple[str, ...] = ("brand",), with_levels: bool = False
) -> SufficientStatistics:
    write(connection, s)
    return sufficient_statistics(connection, panel_of(s, cluster), "suff_cluster", drop_singletons=False, with_levels=with_levels)


def assert_same(ours: ClusteredFit, theirs: ClusteredFit, tolerance: float = 1e-9) -> None:
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=0, atol=tolerance)
    np.testing.assert_allclose(ours.covariance, theirs.covariance, rtol=tolerance, atol=1e-14)
    counts = ("n_rows", "n_parameters", "n_clusters", "max_cluster_share")
    assert [getattr(ours, name) for name in counts] == [getattr(theirs, name) for name in counts]


def ragged(seed: int, n_rows: int = 120, n_customers: int = 60, n_weeks: int = 40) -> Sample:
    """A thin panel, full of singletons."""
    rng = np.random.default_rng(seed)
    cell = rng.choice(n_customers * n_weeks, size=n_rows, replace=False)
    customer, week = cell // n_weeks, cell % n_weeks
    return Sample(rng.normal(size=n_rows), rng.normal(size=(n_rows, 3)), customer, week, customer % 9)


# Against fits on the rows and by others.


@pytest.mark.parametrize("cluster", CLUSTERS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_fit_is_that_on_the_rows(connection: duckdb.DuckDBPyConnection, seed: int, cluster: tuple[str, ...]) -> None:
    s = sample(seed)
    ours = fit(statistics_of(connection, s, cluster), 0, REGRESSORS)
    assert_same(ours, fit_clustered(s.outcome, s.columns, s.effects, getattr(s, cluster[-1])))


@pytest.mark.parametrize("seed", range(0, 24, 4))
def test_a_fit_is_that_of_pyfixest(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    s = sample(seed)
    ours = fit(statistics_of(connection, s, ("brand", "customer")), 0, REGRESSORS)
    theirs = pf.feols(
        "y ~ x0 + x1 + x2 | customer + week",
        pd.DataFrame(connection.execute("from panel").fetchnumpy()),
        vcov={"CRV1": "customer"},
        ssc=pf.ssc(k_fixef="none"),
        demeaner=pf.MapDemeaner(fixef_tol=1e-12, fixef_maxiter=100_000),
    )
    np.testing.assert_allclose(ours.coefficients, theirs.coef().to_numpy(), rtol=0, atol=1e-7)
    their_factor = factor(ours.n_clusters, ours.n_rows, 3)
    np.testing.assert_allclose(bare_se(ours), theirs.se().to_numpy() / sqrt(their_factor), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_every_part_is_that_made_of_residuals(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    s = sample(seed)
    ours, expected = statistics_of(connection, s, ("brand",), with_levels=True), from_rows(s, s.brand, with_levels=True)
    assert ours.n_rows.tolist() == expected.n_rows.tolist()
    assert ours.n_absorbed == expected.n_absorbed
    assert ours.levels is not None
    assert expected.levels is not None
    np.testing.assert_allclose(ours.products, expected.products, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.sizes, expected.sizes, rtol=1e-9)
    np.testing.assert_allclose(ours.levels.grams, expected.levels.grams, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours.levels.residuals, expected.levels.residuals, rtol=0, atol=1e-9)
    np.testing.assert_allclose(jackknife(ours, 0, REGRESSORS).covariance, left_out_covariance(s, s.brand), rtol=1e-7)


@pytest.mark.parametrize("seed", range(8))
def test_singletons_fall_as_they_do_from_the_rows(connection: duckdb.DuckDBPyConnection, seed: int) -> None:
    s = ragged(seed)
    kept = s.rows(keep_without_singletons(s.effects))
    assert 20 < len(kept.outcome) < 120
    write(connection, s)
    for cluster in CLUSTERS:
        ours = sufficient_statistics(connection, panel_of(s, cluster), "suff_cluster")
        assert_same(fit(ours, 0, REGRESSORS), fit_clustered(kept.outcome, kept.columns, kept.effects, getattr(kept, cluster[-1])))


def test_a_level_can_lose_its_company_to_units_that_go(connection: duckdb.DuckDBPyConnection) -> None:
    """Week 5 holds customers 3 and 4; customer 3 has no other week, so that customer 4 stands alone there."""
    rng = np.random.default_rng(0)
    customer, week = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 4, 4, 4, 3, 4]), np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 5, 5])
    s = Sample(rng.normal(size=14), rng.normal(size=(14, 1)), customer, week, customer)
    write(connection, s)
    ours = sufficient_statistics(connection, panel_of(s), "suff_cluster")
    assert ours.n_rows.tolist() == [3, 3, 3, 3]
    kept = s.rows(np.arange(12))
    assert_same(fit(ours, 0, [1]), fit_clustered(kept.outcome, kept.columns, kept.effects, kept.brand))


def test_singletons_that_stay_count_and_say_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    s = ragged(1)
    ours = fit(statistics_of(connection, s, ("brand", "customer")), 0, REGRESSORS)
    assert_same(ours, fit_clustered(s.outcome, s.columns, s.effects, s.customer))


@pytest.mark.parametrize("n_weeks", [63, 64, 65, 128, 129, 200])
def test_sets_of_levels_go_on_over_words(connection: duckdb.DuckDBPyConnection, n_weeks: int) -> None:
    s = sample(n_weeks, n_customers=25, n_weeks=n_weeks)
    moved = Sample(s.outcome, s.columns, s.customer, s.week - 1_000, s.brand)
    ours = fit(statistics_of(connection, moved, ("brand", "customer")), 0, REGRESSORS)
    assert_same(ours, fit_clustered(s.outcome, s.columns, s.effects, s.customer))


def test_panels_that_never_meet_lose_a_parameter_each(connection: duckdb.DuckDBPyConnection) -> None:
    parts = [sample(seed, n_customers=20, n_weeks=8, n_brands=4) for seed in (1, 2, 3)]
    together = [np.concatenate([getattr(part, name) for part in parts]) for name in ("outcome", "columns")]
    moved = [np.concatenate([getattr(part, name) + 100 * i for i, part in enumerate(parts)]) for name in ("customer", "week", "brand")]
    s = Sample(together[0], together[1], moved[0], moved[1], moved[2])
    ours = fit(statistics_of(connection, s), 0, REGRESSORS)
    assert ours.n_parameters == 3 + len(np.unique(s.week)) - 3
    assert_same(ours, fit_clustered(s.outcome, s.columns, s.effects, s.brand))


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_large_means_and_trends_cost_no_digits(connection: duckdb.DuckDBPyConnection, cluster: tuple[str, ...]) -> None:
    """Residuals of size one under customer means of a million and a trend of ten thousand a week."""
    s = sample(3)
    high = s.columns + 1e6 * np.random.default_rng(3).normal(size=(100, 1))[s.customer] + 1e4 * s.week[:, None]
    by_cluster = getattr(s, cluster[-1])
    low = fit_clustered(s.outcome, s.columns, s.effects, by_cluster)
    ours = fit(
        statistics_of(connection, Sample(s.outcome + high[:, 0] - s.columns[:, 0], high, *s.effects, s.brand), cluster), 0, REGRESSORS
    )
    np.testing.assert_allclose(ours.coefficients, low.coefficients, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.covariance, low.covariance, rtol=1e-7)


# What must change nothing.


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_names_order_and_threads_change_nothing(seed: int, threads: int) -> None:
    s = sample(seed, n_customers=200)
    rng = np.random.default_rng(seed)
    renamed = Sample(s.outcome, s.columns, rng.permutation(10_000)[s.customer] - 5_000, s.week, s.brand)
    shuffled = renamed.rows(rng.permutation(len(s.outcome)))
    with duckdb.connect(config={"threads": threads, "preserve_insertion_order": False}) as connection:
        for cluster in CLUSTERS:
            ours = fit(statistics_of(connection, shuffled, cluster), 0, REGRESSORS)
            first = fit(statistics_of(connection, s, cluster), 0, REGRESSORS)
            assert_same(ours, first, tolerance=1e-10)


def test_the_number_of_sets_held_at_once_changes_nothing(connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    s = ragged(2, n_rows=600)
    write(connection, s)
    whole = fit(sufficient_statistics(connection, panel_of(s), "suff_cluster"), 0, REGRESSORS)
    monkeypatch.setattr(module, "PATTERNS_AT_ONCE", 7)
    assert_same(fit(sufficient_statistics(connection, panel_of(s), "suff_cluster"), 0, REGRESSORS), whole, tolerance=1e-10)


def test_units_may_be_named_by_words_and_numbers_be_of_any_type(connection: duckdb.DuckDBPyConnection) -> None:
    s = sample(4)
    rounded = Sample(np.round(s.outcome, 2), np.round(s.columns, 2), s.customer, s.week, s.brand)
    expected = fit(statistics_of(connection, rounded), 0, REGRESSORS)
    written = (
        '(select \'brand \' || brand as "the ""brand""", \'é\' || customer as customer, week::smallint as "level", '
        "y::decimal(18, 2) as n_rows, x0::float as x0, x1::decimal(9, 2) as x1, x2::integer as x2 from panel)"
    )
    panel = PanelRelation(written, ('the "brand"', "customer"), "level", ("n_rows", "x0", "x1", "x2"), ('the "brand"',))
    ours = fit(sufficient_statistics(connection, panel, "suff_cluster", drop_singletons=False), 0, REGRESSORS)
    np.testing.assert_allclose(ours.coefficients, expected.coefficients, rtol=0, atol=1e-6)


# The table.


def test_the_table_holds_a_row_per_cluster_by_name(connection: duckdb.DuckDBPyConnection) -> None:
    s = sample(5)
    statistics = statistics_of(connection, s)
    found = connection.execute("from suff_cluster").fetchnumpy()
    assert list(found)[:5] == ["brand", "n_rows", "product_0_0", "product_0_1", "product_0_2"]
    assert found["brand"].tolist() == list(range(7))
    assert found["n_rows"].tolist() == [int((s.brand == b).sum()) for b in range(7)]
    np.testing.assert_array_equal(np.column_stack([found[name] for name in list(found)[2:]]), statistics.products)


def test_nothing_else_is_left_behind(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select current_setting('perfect_ht_threshold'), (select count(*) from duckdb_tables() where temporary)"
    before = connection.execute(query).fetchall()
    statistics_of(connection, sample(5), with_levels=True)
    assert connection.execute(query).fetchall() == before
    with pytest.raises(ValueError, match="null value"):
        sufficient_statistics(connection, of(small(4, y="null")), "suff_cluster")
    assert connection.execute(query).fetchall() == before


def wide(n_customers: int, n_regressors: int) -> Sample:
    rng = np.random.default_rng(n_regressors)
    customer, week = np.nonzero(rng.random((n_customers, 6)) < 0.8)
    s = Sample(rng.normal(size=len(week)), rng.normal(size=(len(week), n_regressors)), customer, week, customer)
    return s.rows(keep_without_singletons(s.effects))


def test_many_regressors_put_clusters_together_by_hash(connection: duckdb.DuckDBPyConnection) -> None:
    s = wide(1_500, 16)
    ours = statistics_of(connection, s, ("brand", "customer"))
    names = connection.execute("select super_cluster from suff_cluster").fetchnumpy()["super_cluster"]

    def super_cluster(customer: int) -> int:
        text = json.dumps([str(customer), str(customer)], separators=(",", ":"))
        return int.from_bytes(hashlib.md5(text.encode()).digest()[8:], "little") % 400

    expected = np.array([super_cluster(customer) for customer in s.customer.tolist()])
    assert names.tolist() == sorted(set(expected.tolist()))
    assert_same(fit(ours, 0, list(range(1, 17))), fit_clustered(s.outcome, s.columns, s.effects, expected))


@pytest.mark.parametrize(("n_customers", "n_regressors"), [(1_500, 15), (390, 16)])
def test_few_regressors_or_few_clusters_stay_as_they_are(
    connection: duckdb.DuckDBPyConnection, n_customers: int, n_regressors: int
) -> None:
    s = wide(n_customers, n_regressors)
    ours = statistics_of(connection, s, ("brand", "customer"))
    assert len(ours.n_rows) == len(np.unique(s.customer))
    assert_same(fit(ours, 0, list(range(1, n_regressors + 1))), fit_clustered(s.outcome, s.columns, s.effects, s.customer))


def test_customers_of_two_brands_can_be_one_cluster(connection: duckdb.DuckDBPyConnection) -> None:
    s = sample(8, n_customers=60)
    person = s.customer % 37
    crossed = Sample(s.outcome, s.columns, person, s.week, s.customer // 37)
    statistics = statistics_of(connection, crossed, ("customer",))
    expected = fit_clustered(s.outcome, s.columns, s.effects, person)
    assert_same(fit(statistics, 0, REGRESSORS), expected)
    by_unit = statistics_of(connection, crossed, ("brand", "customer"))
    owners = connection.execute("select customer from suff_cluster").fetchnumpy()["customer"]
    assert_same(fit(merge(by_unit, np.unique(owners, return_inverse=True)[1]), 0, REGRESSORS), expected)


# What is refused.


def small(row: int = 0, **cells: str) -> str:
    """A panel of two brands, three customers each and three weeks, cells of one row written over."""
    rows = []
    for i in range(18):
        values = {"brand": str(i // 9), "customer": str(i // 3), "week": str(i % 3), "y": str(i * 7 % 5), "x": str(i * i % 7)}
        rows.append(f"({', '.join((values | cells if i == row else values).values())})")
    return (
        f"(select brand, customer, week, y::double as y, x::double as x from (values {', '.join(rows)}) as v(brand, customer, week, y, x))"
    )


def of(relation: str, cluster: tuple[str, ...] = ("brand",)) -> PanelRelation:
    return PanelRelation(relation, ("brand", "customer"), "week", ("y", "x"), cluster)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"y": "null"}, "a null level or a null value"),
        ({"x": "null"}, "a null level or a null value"),
        ({"week": "null"}, "a null level or a null value"),
        ({"customer": "null"}, "rows without a unit"),
        ({"brand": "null"}, "rows without a unit"),
        ({"y": "'nan'::double"}, "not finite: y"),
        ({"x": "'inf'::double"}, "not finite: x"),
        ({"week": "0"}, "more than one row in a level"),
        ({"week": "5000"}, "levels span 5001; at most 2000"),
    ],
)
def test_rows_that_would_spoil_sums_are_refused(connection: duckdb.DuckDBPyConnection, cells: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        sufficient_statistics(connection, of(small(4, **cells)), "suff_cluster", drop_singletons=False)
    sufficient_statistics(connection, of(small()), "suff_cluster")


def test_no_rows_and_none_but_singletons_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    for rows, reason in (("false", "no rows"), ("week = customer", "no row is left"), ("week = 1", "no row is left")):
        with pytest.raises(NotIdentifiedError, match=reason):
            sufficient_statistics(connection, of(f"(from {small()} where {rows})"), "suff_cluster")


def test_units_that_span_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="units lie within clusters"):
        PanelRelation("panel", ("customer",), "week", ("y",), ("brand",))
    with pytest.raises(ValueError, match="units lie within clusters"):
        PanelRelation("panel", ("customer",), "week", ("y",), ())
    with pytest.raises(ValueError, match="a panel needs columns"):
        PanelRelation("panel", ("customer",), "week", (), ("customer",))


def test_what_hundreds_of_clusters_say_about_levels_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    s = wide(420, 1)
    with pytest.raises(ValueError, match="at most 400"):
        statistics_of(connection, s, ("brand", "customer"), with_levels=True)
