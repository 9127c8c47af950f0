"""The restricted bootstrap of a joint system, against the one-coefficient one, samples made by row, and the truth."""

from dataclasses import replace
from functools import partial

import linearmodels.iv
import numpy as np
import pytest

from pipelines.claim import few_clusters
from pipelines.claim.bootstrap import bootstrap_statistics, cluster_grams
from pipelines.claim.clustering import Clusters
from pipelines.claim.few_clusters import BootstrapClusters, RestrictedBootstrap, has_few_clusters
from pipelines.claim.linear import Floats, Integers
from pipelines.claim.policy_shift import PolicyShift
from pipelines.claim.results import EffectEstimate
from pipelines.claim.sample import NO_SHIFT, Panel
from pipelines.claim.service_over_broadcast import Question, SampleFacts, Specification, estimate

# Columns: outcome, two regressors, their instruments, control, constant.
Y, X1, X2, Z1, Z2, CONTROL, CONSTANT = range(7)
EXOGENOUS = [CONTROL, CONSTANT]


def sample(seed: int, n_clusters: int) -> tuple[Floats, Integers]:
    rng = np.random.default_rng(seed)
    cluster = np.sort(rng.integers(0, n_clusters, 12 * n_clusters))
    cluster[:n_clusters] = np.arange(n_clusters)
    n = len(cluster)
    z = rng.normal(size=(2, n_clusters))[:, cluster] + 0.5 * rng.normal(size=(2, n))
    hidden, control = rng.normal(size=(2, n))
    x1, x2 = z[0] + hidden + 0.3 * control, z[1] - 0.5 * hidden + 0.2 * z[0]
    y = 0.2 * x1 + 0.5 * x2 - hidden + control + rng.normal(size=n_clusters)[cluster] + rng.normal(size=n)
    return np.column_stack([y, x1, x2, *z, control, np.ones(n)]), cluster


@pytest.mark.parametrize("instrument", [None, Z1])
@pytest.mark.parametrize("seed", range(5))
def test_one_coefficient_is_the_one_coefficient_bootstrap(seed: int, instrument: int | None) -> None:
    columns, cluster = sample(seed, 11)
    grams = cluster_grams(columns, cluster)
    draws = np.random.default_rng(seed).choice([-1.0, 1.0], size=(50, 11))
    expected = bootstrap_statistics(grams, Y, X1, EXOGENOUS, draws, instrument, null=0.3)
    ours = RestrictedBootstrap(
        grams, Y, [X1, *EXOGENOUS], [X1 if instrument is None else instrument, *EXOGENOUS], np.array([1.0, 0, 0]), 11
    )
    np.testing.assert_allclose(ours.statistics(0.3, draws) * np.sqrt(11 / 10), expected, rtol=1e-8)


@pytest.mark.parametrize("is_second_instrumented", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_samples_of_a_contrast_are_those_made_row_by_row(seed: int, is_second_instrumented: bool) -> None:
    """The null solved for one coefficient and put in, so that linearmodels fits what is left, then every sample."""
    columns, cluster = sample(seed, 13)
    weights, null = np.array([2.0, -1.5]), 0.1
    y, x, w = columns[:, Y], columns[:, [X1, X2]], columns[:, EXOGENOUS]
    z = columns[:, [Z1, Z2 if is_second_instrumented else X2]]
    # 2 b1 - 1.5 b2 = null, so that b1 = (null + 1.5 b2) / 2.
    rest = linearmodels.iv.IV2SLS(y - null / 2 * x[:, 0], w, x[:, 1] + 0.75 * x[:, 0], z).fit().params.to_numpy()
    beta = np.array([(null + 1.5 * rest[2]) / 2, rest[2]])
    error = y - x @ beta - w @ rest[:2]
    given = np.column_stack([z, w])
    mean = np.column_stack([given @ np.linalg.lstsq(np.column_stack([given, error]), x[:, j], rcond=None)[0][:4] for j in range(2)])
    draws = np.random.default_rng(seed).choice([-1.0, 1.0], size=(5, 13))
    expected = []
    for draw in draws:
        new_x = mean + draw[cluster, None] * (x - mean)
        new_y = new_x @ beta + w @ rest[:2] + draw[cluster] * error
        fit = linearmodels.iv.IV2SLS(new_y, w, new_x, z if is_second_instrumented else np.column_stack([z[:, 0], new_x[:, 1]])).fit(
            cov_type="clustered", clusters=cluster, debiased=False
        )
        found, covariance = fit.params.to_numpy()[2:], fit.cov.to_numpy()[2:, 2:]
        expected.append((weights @ found - null) / np.sqrt(weights @ covariance @ weights * 13 / 12))
    regressors = [X1, X2, *EXOGENOUS]
    instruments = [Z1, Z2 if is_second_instrumented else X2, *EXOGENOUS]
    ours = RestrictedBootstrap(cluster_grams(columns, cluster), Y, regressors, instruments, np.array([*weights, 0, 0]), 13)
    np.testing.assert_allclose(ours.statistics(null, draws), expected, rtol=1e-6)


def test_the_interval_ends_where_a_value_is_rejected() -> None:
    columns, cluster = sample(1, 14)
    draws = np.random.default_rng(0).choice([-1.0, 1.0], size=(399, 14))
    weights = np.array([1.0, -1, 0, 0])
    ours = RestrictedBootstrap(cluster_grams(columns, cluster), Y, [X1, X2, *EXOGENOUS], [Z1, Z2, *EXOGENOUS], weights, 14)
    se, found = 0.2, ours.interval(0.2, draws)

    def p_at(value: float) -> float:
        t = abs(ours.estimate - value) / se
        return float((1 + np.sum(np.abs(ours.statistics(value, draws)) >= t)) / 400)

    for lo, hi, alpha in ((found.ci95_lo, found.ci95_hi, 0.05), (found.ci90_lo, found.ci90_hi, 0.10)):
        for end, outwards in ((lo, -1e-3), (hi, 1e-3)):
            assert p_at(end) > alpha
            assert p_at(end + outwards) <= alpha
    assert found.p == p_at(0.0)
    assert found.times(-2.0).ci95_lo == -2 * found.ci95_hi
    assert found.times(-2.0).ci90_hi == -2 * found.ci90_lo


@pytest.mark.parametrize(
    ("customers", "shifts", "share", "few"),
    [(50, 50, 0.05, False), (49, 50, 0.05, True), (50, 49, 0.05, True), (50, None, 0.05, False), (49, None, 0.01, True),
     (900, 900, 0.0501, True)],
)  # fmt: skip
def test_few_is_fewer_than_fifty_or_one_with_more_than_a_twentieth(customers: int, shifts: int | None, share: float, few: bool) -> None:
    assert has_few_clusters(customers, shifts, share) == few


def test_samples_are_drawn_by_the_dimension_with_fewer_clusters() -> None:
    customer, shift = np.array([7, 7, 8, 9, 9, 9]), np.array([-1, 5, 5, 6, -1, -1])
    brand = np.zeros(6, dtype=np.int64)
    by_shift = BootstrapClusters.of(Clusters(customer, shift), brand)
    assert (by_shift.name, by_shift.n_few) == ("shift", 2)
    # Rows without a shift go by customer.
    assert by_shift.of_row.tolist() == [2, 0, 0, 1, 3, 3]
    assert BootstrapClusters.of(Clusters(customer, None), brand).of_row.tolist() == [0, 0, 1, 2, 2, 2]
    assert BootstrapClusters.of(Clusters(shift + 1, customer), brand).name == "customer"
    assert (BootstrapClusters.of(None, brand).name, BootstrapClusters.of(None, brand).n_few) == ("brand", 1)


# The whole claim, with a roster of thirty shifts.

SPEC = Specification(0.5, ("customer", "week_by_contact"))
QUESTION = Question("y", "EUR", SPEC, (SPEC,), 0.8, 0.95)
FACTS = SampleFacts(150, 400, 30, 0, 100, 100)
SHIFT = PolicyShift(-1.0, 1.0, 0.0, 0.5, 0.4)
BETA_R, BETA_B = 0.4, 0.3


def rostered(seed: int, n_customers: int = 150, n_weeks: int = 10, n_slots: int = 3) -> Panel:
    """Severe contacts are answered faster; shifts have shocks of their own, and one of them is an outage."""
    rng = np.random.default_rng(seed)
    customer, week = (each.ravel() for each in np.mgrid[:n_customers, :n_weeks])
    n = len(customer)
    asked = rng.random(n) < 0.35
    slot = np.where(asked, rng.integers(1, n_slots + 1, n), 0)
    shift = np.where(asked, week * n_slots + slot - 1, NO_SHIFT)
    shortfall, arrivals, shock = rng.normal(size=(3, n_weeks * n_slots))
    severity = rng.normal(size=n)
    responsiveness = asked * (severity - shortfall[shift] - 0.3 * arrivals[shift] + rng.normal(size=n))
    broadcast = np.log1p(rng.poisson(1.0, n))
    outcome = BETA_R * responsiveness + BETA_B * broadcast + rng.normal(size=n_customers)[customer] + rng.normal(size=n)
    outcome += asked * (-1.0 * severity - 0.3 * arrivals[shift] + 0.6 * shock[shift])
    return Panel(
        customer=customer, brand=np.zeros(n, dtype=np.int64), week=week, turns=asked.astype(np.float64), responsiveness=responsiveness,
        broadcast={0.5: broadcast}, broadcast_reach="customer", outcome=outcome, shift=shift, slot=slot,
        columns={"total_shortfall": asked * shortfall[shift], "total_log_arrivals": asked * arrivals[shift]},
        first_week=None, last_week=None,
    )  # fmt: skip


def told(panel: Panel) -> dict[tuple[str, str], EffectEstimate]:
    rows = estimate(panel, {0.5: SHIFT}, QUESTION, FACTS, with_gates=False, with_ladder=False).estimates
    return {(row.lever, row.quantity): row for row in rows if row.is_primary}


def test_thirty_shifts_are_told_by_bootstrap_and_always_alike() -> None:
    once, again = (estimate(rostered(0), {0.5: SHIFT}, QUESTION, FACTS, with_gates=False, with_ladder=False).estimates for _ in range(2))
    assert once == again
    assert all("bootstrap" in (row.se_type or "") for row in once if row.is_primary and row.quantity != "kappa_star")
    assert all("bootstrap" not in (row.se_type or "") for row in once if not row.is_primary)
    found = {(row.lever, row.quantity): row for row in once if row.is_primary}
    delta = found["contrast", "delta"]
    assert delta.n_clusters_2 == 30
    assert delta.se_type is not None
    assert delta.se_type.endswith("intervals by restricted wild cluster bootstrap, 999 draws")
    theta, beta = found["responsiveness", "theta"], found["responsiveness", "beta"]
    assert theta.ci95_lo is not None
    assert beta.ci95_lo is not None
    assert theta.ci95_lo == pytest.approx(0.8 * beta.ci95_lo)
    # Near symmetric: each interval lies about its own estimate.
    for row in (theta, found["broadcast", "theta"], delta):
        assert None not in (row.ci95_lo, row.ci95_hi, row.estimate, row.se)
        assert abs((row.ci95_lo + row.ci95_hi) / 2 - row.estimate) < row.se  # ty: ignore[unsupported-operator]


def test_a_true_null_is_rejected_about_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred samples of thirty shifts without effects: 11 rejections at 5 % or more have a chance of 1.1 % each."""
    monkeypatch.setattr(few_clusters, "bootstrap_intervals", partial(few_clusters.bootstrap_intervals, n_draws=199))
    monkeypatch.setattr(few_clusters, "interval_end", lambda *_: 0.0)
    keys = (("responsiveness", "theta"), ("broadcast", "theta"), ("contrast", "delta"))
    rows = [told(without_effects(rostered(1000 + seed))) for seed in range(100)]
    p = np.array([[row[key].p for key in keys] for row in rows], dtype=np.float64)
    assert np.all((p <= 0.05).sum(axis=0) <= 10)
    # And not less: what never rejects says nothing.
    assert np.all(np.abs((p <= 0.5).mean(axis=0) - 0.5) < 0.16)


def without_effects(panel: Panel) -> Panel:
    return replace(panel, outcome=panel.outcome - BETA_R * panel.responsiveness - BETA_B * panel.broadcast[0.5])
