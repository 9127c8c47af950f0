"""Two-stage least squares, its covariances and weak-instrument sets, against pyfixest, linearmodels and refits."""

from dataclasses import replace
from math import isinf
from typing import Any, Literal

import linearmodels.iv
import numpy as np
import pandas as pd
import pyfixest as pf
import pytest
import statsmodels.api as sm
from scipy import stats

from pipelines.claim.clustering import cluster_covariance
from pipelines.claim.confidence_set import ratio_set
from pipelines.claim.instrumental import (
    Clusters,
    anderson_rubin_set,
    effective_f,
    fit_instrumented,
    independent_covariance,
    jackknife_covariance,
)
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError, absorb_within_clusters
from tests.unit.claim_panels import (
    CONTROL,
    ENDOGENOUS,
    INSTRUMENT,
    INSTRUMENTS,
    OUTCOME,
    REGRESSORS,
    SECOND_INSTRUMENT,
    Panel,
    random_panel,
    relabelled,
)

SEEDS = range(20)
# Every summand of the two-way covariance has its own G / (G - 1), and nothing else is counted: our convention.
OUR_FACTOR = pf.ssc(k_adj=False, k_fixef="none", G_adj=True, G_df="conventional")


def frame(panel: Panel) -> pd.DataFrame:
    table = pd.DataFrame(panel.columns, columns=pd.Index(["y", "x", "z", "z2", "w"]))
    return table.assign(customer=panel.customer, period=panel.effects[1], slot=panel.slot, shift=panel.shift)


def their_fit(panel: Panel, formula: str, vcov: dict[str, str]) -> Any:
    demeaner = pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000)
    return pf.feols(formula, frame(panel), vcov=vcov, ssc=OUR_FACTOR, demeaner=demeaner)


def dummies(levels: Integers) -> Floats:
    return (levels[:, None] == np.unique(levels)[None, :]).astype(np.float64)


def without_effects(panel: Panel, columns: Floats) -> Floats:
    """Residuals on dummies written out."""
    design = np.column_stack([dummies(effect) for effect in panel.effects])
    return columns - design @ np.linalg.lstsq(design, columns, rcond=None)[0]


# Against estimators written by others.


@pytest.mark.parametrize("seed", SEEDS)
def test_instrumented_fits_with_effects_are_those_of_pyfixest(seed: int) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    ours = panel.fit()
    theirs = their_fit(panel, "y ~ w | customer + period + slot | x ~ z", {"CRV1": "customer + shift"})
    np.testing.assert_allclose(ours.coefficients, theirs.coef()[["x", "w"]], rtol=0, atol=1e-7)
    assert not ours.clustered.was_clipped
    np.testing.assert_allclose(ours.standard_errors, theirs.se()[["x", "w"]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_customers_alone_as_clusters_with_gaps_in_contact_is_pyfixest(seed: int) -> None:
    panel = random_panel(seed)
    ours = fit_instrumented(panel.absorbed(), OUTCOME, REGRESSORS, INSTRUMENTS, Clusters(panel.customer))
    theirs = their_fit(panel, "y ~ w | customer + period + slot | x ~ z", {"CRV1": "customer"})
    np.testing.assert_allclose(ours.coefficients, theirs.coef()[["x", "w"]], rtol=0, atol=1e-7)
    np.testing.assert_allclose(ours.standard_errors, theirs.se()[["x", "w"]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_instruments_that_are_the_regressors_give_least_squares(seed: int) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    ours = fit_instrumented(panel.absorbed(), OUTCOME, REGRESSORS, REGRESSORS, panel.clusters)
    theirs = their_fit(panel, "y ~ x + w | customer + period + slot", {"CRV1": "customer + shift"})
    np.testing.assert_allclose(ours.coefficients, theirs.coef(), rtol=0, atol=1e-7)
    np.testing.assert_allclose(ours.standard_errors, theirs.se(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("instruments", [[INSTRUMENT], [INSTRUMENT, SECOND_INSTRUMENT]])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_or_two_instruments_without_effects_are_linearmodels(seed: int, instruments: list[int]) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    absorbed, constant = panel.without_effects(), panel.columns.shape[1]
    ours = fit_instrumented(absorbed, OUTCOME, [ENDOGENOUS, CONTROL, constant], [*instruments, CONTROL, constant], panel.clusters)
    table = frame(panel).assign(one=1.0)
    names = [table.columns[i] for i in instruments]
    theirs = linearmodels.iv.IV2SLS(table["y"], table[["w", "one"]], table[["x"]], table[names]).fit(
        cov_type="clustered", clusters=table[["customer", "shift"]], debiased=True
    )
    n = len(table)
    np.testing.assert_allclose(ours.coefficients, theirs.params[["x", "w", "one"]], rtol=0, atol=1e-7)
    if ours.clustered.was_clipped:
        assert np.linalg.eigvalsh(theirs.cov)[0] < 0
        return
    # Theirs also multiplies by (n - 1) / (n - 3).
    np.testing.assert_allclose(ours.standard_errors, theirs.std_errors[["x", "w", "one"]] / np.sqrt((n - 1) / (n - 3)), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_effective_f_is_that_of_pyfixest(seed: int) -> None:
    panel = random_panel(seed)
    clusters = Clusters(panel.customer)
    theirs = their_fit(panel, "y ~ w | customer + period + slot | x ~ z", {"CRV1": "customer"})
    theirs.IV_Diag()
    ours = effective_f(panel.absorbed(), ENDOGENOUS, [INSTRUMENT], [CONTROL], clusters)
    first_stage = their_fit(panel, "x ~ z + w | customer + period + slot", {"CRV1": "customer"})
    assert ours.effective_f == pytest.approx(first_stage.tstat()["z"] ** 2, rel=1e-7)
    # Theirs scales the first stage's covariance by its own default factor.
    assert ours.effective_f == pytest.approx(theirs._eff_F, rel=0.2)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_effective_f_of_two_instruments_is_the_formula_on_pyfixest_s_first_stage(seed: int) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    ours = effective_f(panel.absorbed(), ENDOGENOUS, [INSTRUMENT, SECOND_INSTRUMENT], [CONTROL], panel.clusters)
    first_stage = their_fit(panel, "x ~ z + z2 + w | customer + period + slot", {"CRV1": "customer + shift"})
    moved = without_effects(panel, panel.columns)
    control = moved[:, [CONTROL]]
    z = moved[:, [2, 3]] - control @ np.linalg.lstsq(control, moved[:, [2, 3]], rcond=None)[0]
    pi, v = first_stage.coef().to_numpy()[:2], np.asarray(first_stage._vcov)[:2, :2]
    assert ours.effective_f == pytest.approx(float(pi @ z.T @ z @ pi / np.trace(v @ z.T @ z)), rel=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_ends_of_the_anderson_rubin_set_are_just_rejected_by_pyfixest(seed: int) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    ours = anderson_rubin_set(panel.absorbed(), OUTCOME, ENDOGENOUS, INSTRUMENT, [CONTROL], panel.clusters)
    assert ours.kind == "interval"
    assert ours.contains(panel.fit().coefficients[0])
    critical = float(stats.t.ppf(0.975, panel.fit().df))
    for end in (ours.lo, ours.hi):
        moved = replace(panel, columns=np.column_stack([panel.columns[:, 0] - end * panel.columns[:, 1], panel.columns[:, 1:]]))
        reduced_form = their_fit(moved, "y ~ z + w | customer + period + slot", {"CRV1": "customer + shift"})
        assert abs(reduced_form.tstat()["z"]) == pytest.approx(critical, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_jackknife_of_least_squares_is_pyfixest_s_crv3(seed: int) -> None:
    panel = random_panel(seed, contact_rate=1.0)
    absorbed, constant = panel.without_effects(), panel.columns.shape[1]
    chosen = [ENDOGENOUS, CONTROL, constant]
    fit = fit_instrumented(absorbed, OUTCOME, chosen, chosen, panel.clusters)
    ours = jackknife_covariance(absorbed, fit, chosen, chosen, panel.shift)
    theirs = pf.feols("y ~ x + w", frame(panel), vcov={"CRV3": "shift"}, ssc=pf.ssc(k_adj=False, G_adj=False))
    n_shifts = len(np.unique(panel.shift))
    # Theirs is the bare sum of squares.
    expected = theirs.se()[["x", "w", "Intercept"]] * np.sqrt((n_shifts - 1) / n_shifts)
    np.testing.assert_allclose(np.sqrt(np.diag(ours)), expected, rtol=1e-7)


# Against the definition written out.


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_without_a_shift_stand_alone(seed: int) -> None:
    """The covariance is a sum over pairs of rows that share a customer or a shift, each part with its factor."""
    panel = random_panel(seed, n_customers=25)
    m = without_effects(panel, panel.columns)
    x, z = m[:, REGRESSORS], m[:, INSTRUMENTS]
    b = np.linalg.solve(z.T @ x, z.T @ m[:, 0])
    scores = z * (m[:, 0] - x @ b)[:, None]
    same_customer = panel.customer[:, None] == panel.customer
    same_shift = (panel.shift[:, None] == panel.shift) & (panel.shift >= 0)
    in_shift = panel.shift >= 0
    counts = [
        len(np.unique(panel.customer)),
        len(np.unique(panel.shift[in_shift])),
        len({*zip(panel.customer[in_shift], panel.shift[in_shift], strict=True)}),
    ]
    meat = np.zeros((2, 2))
    for sign, pairs, g in zip((1, 1, -1), (same_customer, same_shift, same_customer & same_shift), counts, strict=True):
        meat += sign * g / (g - 1) * scores.T @ pairs.astype(float) @ scores
    bread = np.linalg.inv(z.T @ x)
    ours = panel.fit()
    assert ours.clustered.was_clipped == (np.linalg.eigvalsh(bread @ meat @ bread.T)[0] < 0)
    assert (ours.clustered.n_clusters_first, ours.clustered.n_clusters_second) == tuple(counts[:2])
    np.testing.assert_allclose(ours.coefficients, b, rtol=0, atol=1e-9)
    if not ours.clustered.was_clipped:
        np.testing.assert_allclose(ours.covariance, bread @ meat @ bread.T, rtol=1e-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_jackknife_is_deleting_each_shift_and_fitting_anew(seed: int) -> None:
    panel = random_panel(seed, n_customers=15)
    absorbed, fit = panel.absorbed(), panel.fit()
    ours = jackknife_covariance(absorbed, fit, REGRESSORS, INSTRUMENTS, panel.shift)
    refits = []
    for shift in np.unique(panel.shift[panel.shift >= 0]):
        rest = panel.rows(panel.shift != shift)
        m = without_effects(rest, rest.columns)
        refits.append(np.linalg.solve(m[:, INSTRUMENTS].T @ m[:, REGRESSORS], m[:, INSTRUMENTS].T @ m[:, 0]))
    moves = np.array(refits) - fit.coefficients
    expected = (len(moves) - 1) / len(moves) * moves.T @ moves
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_a_cluster_that_holds_whole_levels_is_deleted_with_them() -> None:
    panel = random_panel(3, n_customers=15)
    # Two customers that only ever wrote in shift 4, and a slot nobody else used.
    added = Panel(np.random.default_rng(0).normal(size=(6, 5)), np.repeat([90, 91], 3), np.full(6, 1), np.tile([1, 1, 9], 2), np.full(6, 4))
    panel = Panel(*(np.concatenate([getattr(panel, f), getattr(added, f)]) for f in ("columns", "customer", "week", "slot", "shift")))
    ours = jackknife_covariance(panel.absorbed(), panel.fit(), REGRESSORS, INSTRUMENTS, panel.shift)
    moves = []
    for shift in np.unique(panel.shift[panel.shift >= 0]):
        rest = panel.rows(panel.shift != shift)
        moves.append(rest.fit().coefficients - panel.fit().coefficients)
    expected = (len(moves) - 1) / len(moves) * np.array(moves).T @ np.array(moves)
    np.testing.assert_allclose(ours, expected, rtol=1e-8)


@pytest.mark.parametrize(("kind", "theirs_is"), [("HC1", "HC1"), ("HC2", "HC2"), ("classical", "nonrobust")])
def test_covariances_of_independent_rows_are_those_of_dummies_in_statsmodels(
    kind: Literal["HC1", "HC2", "classical"], theirs_is: Literal["HC1", "HC2", "nonrobust"]
) -> None:
    panel = random_panel(5, n_customers=20)
    rows = np.arange(len(panel.columns))
    absorbed = absorb_within_clusters(panel.columns, panel.effects, rows)
    fit = fit_instrumented(absorbed, OUTCOME, REGRESSORS, REGRESSORS, Clusters(rows))
    ours = independent_covariance(absorbed, fit, REGRESSORS, kind)
    design = np.column_stack([panel.columns[:, REGRESSORS], *(dummies(effect) for effect in panel.effects)])
    basis = design[:, _independent_columns(design)]
    theirs = sm.OLS(panel.columns[:, 0], basis).fit(cov_type=theirs_is)
    np.testing.assert_allclose(np.sqrt(np.diag(ours)), theirs.bse[:2], rtol=1e-7)


def _independent_columns(design: Floats) -> list[int]:
    kept: list[int] = []
    for j in range(design.shape[1]):
        if np.linalg.matrix_rank(design[:, [*kept, j]]) > len(kept):
            kept.append(j)
    return kept


# The factor for what the instrument is partialled on, and clipping.


def test_the_cluster_df_factor_multiplies_the_covariance_and_is_kept_apart() -> None:
    panel = random_panel(1)
    plain = panel.fit()
    scaled = fit_instrumented(panel.absorbed(), OUTCOME, REGRESSORS, INSTRUMENTS, panel.clusters, n_instrument_effects=12)
    g = plain.clustered.n_clusters_second
    assert scaled.clustered.df_factor == pytest.approx(g / (g - 12))
    np.testing.assert_allclose(scaled.covariance, plain.covariance * g / (g - 12), rtol=1e-12)
    np.testing.assert_allclose(scaled.clustered.covariance_unscaled, plain.covariance, rtol=1e-12)
    assert scaled.df == min(g, plain.clustered.n_clusters_first) - 1


def test_a_negative_eigenvalue_is_clipped_and_said() -> None:
    # The two rows that share both groups cancel what either alone would add.
    scores = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.3, 0.0], [0.0, 0.1]])
    clusters = Clusters(np.array([0, 0, 1, 1, 2, 3]), np.array([0, 1, 0, 1, 2, 3]))
    ours = cluster_covariance(scores, np.eye(2), clusters)
    assert ours.was_clipped
    assert np.linalg.eigvalsh(ours.covariance)[0] >= -1e-15
    assert clusters.second is not None
    for one_way in (clusters.first, clusters.second):
        alone = cluster_covariance(scores, np.eye(2), Clusters(one_way))
        assert not alone.was_clipped
        assert np.all(np.diag(ours.covariance) >= np.diag(alone.covariance) - 1e-12)


def test_a_negative_variance_does_not_become_certainty() -> None:
    """Clipping alone gives this panel's effect a standard error of .0005, with 25 customers and 27 shifts."""
    panel = random_panel(16, n_customers=25)
    ours = panel.fit()
    assert ours.clustered.was_clipped
    alone = fit_instrumented(panel.absorbed(), OUTCOME, REGRESSORS, INSTRUMENTS, Clusters(panel.customer))
    assert ours.standard_errors[0] >= alone.standard_errors[0] > 0.05


def test_a_jackknife_takes_the_place_of_the_second_dimension() -> None:
    panel = random_panel(2)
    fit = panel.fit()
    jackknife = jackknife_covariance(panel.absorbed(), fit, REGRESSORS, INSTRUMENTS, panel.shift)
    ours = cluster_covariance(fit.influence, np.eye(fit.influence.shape[1]), panel.clusters, second_part=jackknife).covariance
    in_shift = panel.shift >= 0
    shifts = cluster_covariance(fit.influence[in_shift], np.eye(fit.influence.shape[1]), Clusters(panel.shift[in_shift])).covariance
    np.testing.assert_allclose(ours, fit.covariance - shifts + jackknife, rtol=1e-9, atol=1e-15)


# What must not matter.


@pytest.mark.parametrize("seed", range(6))
def test_order_of_rows_and_names_of_customers_change_nothing(seed: int) -> None:
    panel = random_panel(seed)
    other = relabelled(panel, seed)
    np.testing.assert_allclose(other.fit().coefficients, panel.fit().coefficients, rtol=0, atol=1e-10)
    np.testing.assert_allclose(other.fit().covariance, panel.fit().covariance, rtol=0, atol=1e-10)
    one, two = (jackknife_covariance(p.absorbed(), p.fit(), REGRESSORS, INSTRUMENTS, p.shift) for p in (panel, other))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-10)


def test_columns_absorbed_in_one_go_or_in_chunks_are_the_same() -> None:
    panel = random_panel(0)
    together = panel.absorbed().residuals
    apart = [absorb_within_clusters(panel.columns[:, [j]], panel.effects, panel.customer).residuals for j in range(5)]
    np.testing.assert_allclose(together, np.column_stack(apart), rtol=0, atol=1e-10)


# Weak instruments.


@pytest.mark.parametrize(
    ("estimates", "kind"),
    [((1.0, 2.0), "interval"), ((5.0, 0.1), "rays"), ((0.1, 0.1), "line")],
)
def test_a_weak_denominator_opens_the_set(estimates: tuple[float, float], kind: str) -> None:
    covariance = np.array([[0.1, 0.02], [0.02, 0.05]])
    ours = ratio_set(np.array(estimates), covariance, 3.84)
    assert ours.kind == kind
    for ratio in [*np.linspace(-20, 20, 4001), 1e6, -1e6]:
        distance = (estimates[0] - ratio * estimates[1]) ** 2
        accepted = distance <= 3.84 * (covariance[0, 0] - 2 * ratio * covariance[0, 1] + ratio**2 * covariance[1, 1])
        assert ours.contains(float(ratio)) == accepted


def test_an_instrument_of_noise_leaves_the_whole_line() -> None:
    panel = random_panel(0)
    noise = np.random.default_rng(2).normal(size=len(panel.columns)) * 1e-3
    columns = panel.columns.copy()
    columns[:, INSTRUMENT] = noise
    absorbed = absorb_within_clusters(columns, panel.effects, panel.customer)
    assert effective_f(absorbed, ENDOGENOUS, [INSTRUMENT], [CONTROL], panel.clusters).effective_f < 3
    ours = anderson_rubin_set(absorbed, OUTCOME, ENDOGENOUS, INSTRUMENT, [CONTROL], panel.clusters)
    assert ours.kind != "interval"
    assert isinf(ours.lo) == (ours.kind == "line")


# What can't be told apart.


def test_degenerate_samples_are_refused_with_a_reason() -> None:
    panel = random_panel(0)
    absorbed, n = panel.absorbed(), len(panel.columns)
    one_cluster = Clusters(np.zeros(n, dtype=np.int64))
    with pytest.raises(NotIdentifiedError, match=r"1 cluster\(s\)"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, one_cluster)
    with pytest.raises(NotIdentifiedError, match=r"0 cluster\(s\)"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, Clusters(panel.customer, np.full(n, -1)))
    with pytest.raises(NotIdentifiedError, match="1 instruments for 2 regressors"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, [INSTRUMENT], panel.clusters)
    with pytest.raises(NotIdentifiedError, match="effects of the instrument"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, panel.clusters, n_instrument_effects=30)
    with pytest.raises(NotIdentifiedError, match="collinear"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, [INSTRUMENT, INSTRUMENT, CONTROL], panel.clusters)
    with pytest.raises(NotIdentifiedError, match=r"1 cluster\(s\)"):
        jackknife_covariance(absorbed, panel.fit(), REGRESSORS, INSTRUMENTS, np.where(panel.shift == 3, 3, -1))
    with pytest.raises(ValueError, match="just-identified"):
        jackknife_covariance(absorbed, panel.fit(), REGRESSORS, [INSTRUMENT, SECOND_INSTRUMENT, CONTROL], panel.shift)


@pytest.mark.parametrize("position", [ENDOGENOUS, INSTRUMENT])
def test_a_column_that_effects_explain_is_refused(position: int) -> None:
    panel = random_panel(0)
    columns = panel.columns.copy()
    columns[:, position] = panel.week * 2.0 + panel.customer
    absorbed = absorb_within_clusters(columns, panel.effects, panel.customer)
    with pytest.raises(NotIdentifiedError, match="no variation of its own"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, panel.clusters)
    with pytest.raises(NotIdentifiedError):
        effective_f(absorbed, ENDOGENOUS, [INSTRUMENT], [CONTROL], panel.clusters)


def test_an_instrument_orthogonal_to_the_regressor_is_refused() -> None:
    panel = random_panel(0)
    m = without_effects(panel, panel.columns)
    others = m[:, REGRESSORS]
    m[:, INSTRUMENT] -= others @ np.linalg.lstsq(others, m[:, INSTRUMENT], rcond=None)[0]
    absorbed = absorb_within_clusters(m, [], panel.customer)
    with pytest.raises(NotIdentifiedError, match="do not move"):
        fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, panel.clusters)


def test_a_shift_that_alone_identifies_the_coefficient_is_refused_by_the_jackknife() -> None:
    panel = random_panel(0)
    columns = panel.columns.copy()
    columns[panel.shift != 4, INSTRUMENT] = 0.0
    absorbed = absorb_within_clusters(np.column_stack([columns]), [], panel.customer)
    fit = fit_instrumented(absorbed, OUTCOME, REGRESSORS, INSTRUMENTS, panel.clusters)
    with pytest.raises(NotIdentifiedError, match="one cluster alone"):
        jackknife_covariance(absorbed, fit, REGRESSORS, INSTRUMENTS, panel.shift)
