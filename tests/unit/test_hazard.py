"""Cox regression and the Kaplan-Meier curve, against lifelines and statsmodels."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines import CoxPHFitter, CoxTimeVaryingFitter, KaplanMeierFitter
from lifelines.utils import median_survival_times
from numpy.typing import NDArray

from pipelines.claim.hazard import cox, kaplan_meier
from pipelines.claim.linear import Floats, NotIdentifiedError


def lives(seed: int, n: int = 80) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """End of observation with many ties, whether it is an event, and covariates."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=n) * 3 + 50, rng.random(n) < 0.4, rng.normal(size=n)]).astype(np.float64)
    time = rng.exponential(8 * np.exp(-0.1 * (x[:, 0] - 50) + 0.5 * x[:, 1]))
    censored = rng.exponential(10, n)
    return np.ceil(np.minimum(time, censored)), time <= censored, x


def intervals(seed: int) -> pd.DataFrame:
    """Rows (start, stop] of subjects whose covariate changes once and who come under observation late."""
    rng = np.random.default_rng(seed)
    time, is_event, x = lives(seed)
    rows = []
    for i in range(len(time)):
        entry = float(rng.integers(0, 3)) if time[i] > 3 else 0.0
        change = float(np.floor(rng.uniform(entry + 1, time[i]))) if time[i] > entry + 2 else time[i]
        if change < time[i]:
            rows += [(i, entry, change, False, *x[i], 0.0), (i, change, time[i], is_event[i], *x[i], 1.0)]
        else:
            rows.append((i, entry, time[i], is_event[i], *x[i], 0.0))
    return pd.DataFrame(rows, columns=pd.Index(["id", "start", "stop", "event", "a", "b", "c", "changed"]))


@pytest.mark.parametrize("seed", range(20))
def test_changing_covariates_and_late_entry_are_lifelines(seed: int) -> None:
    table = intervals(seed)
    theirs = CoxTimeVaryingFitter().fit(
        table, id_col="id", event_col="event", start_col="start", stop_col="stop", fit_options={"precision": 1e-12}
    )
    names = ["a", "b", "c", "changed"]
    ours = cox(*(table[c].to_numpy(dtype=np.float64) for c in ("start", "stop")), table["event"].to_numpy(), table[names].to_numpy())
    np.testing.assert_allclose(ours.coefficients, theirs.params_[names], rtol=0, atol=1e-7)
    np.testing.assert_allclose(ours.standard_errors, theirs.standard_errors_[names], rtol=0, atol=1e-6)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_fixed_covariates_are_lifelines_and_statsmodels(seed: int) -> None:
    time, is_event, x = lives(seed)
    table = pd.DataFrame(x, columns=pd.Index(["a", "b", "c"])).assign(time=time, event=is_event)
    ours = cox(np.zeros(len(time)), time, is_event, x)
    theirs = CoxPHFitter().fit(table, "time", "event", fit_options={"precision": 1e-12})
    # lifelines stops where its likelihood hardly rises, some 2e-7 short of the top in one of these samples.
    np.testing.assert_allclose(ours.coefficients, theirs.params_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(ours.standard_errors, theirs.standard_errors_, rtol=0, atol=1e-6)
    other = sm.PHReg(time, x, status=is_event.astype(int), ties="efron").fit(tol=1e-14)
    np.testing.assert_allclose(ours.coefficients, other.params, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.standard_errors, other.bse, rtol=0, atol=1e-7)
    assert (ours.n_rows, ours.n_events) == (80, is_event.sum())


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("seed", range(20))
def test_curve_interval_and_median_are_lifelines(seed: int, is_late: bool) -> None:
    time, is_event, _ = lives(seed)
    start = np.where(time > 4, np.arange(len(time)) % 3, 0).astype(np.float64) if is_late else None
    ours = kaplan_meier(time, is_event, start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = KaplanMeierFitter().fit(time, is_event, entry=start)
    np.testing.assert_allclose(ours.survival, theirs.survival_function_.loc[ours.times].iloc[:, 0], rtol=0, atol=1e-12)
    is_inside = (ours.survival > 0) & (ours.survival < 1)
    bounds = theirs.confidence_interval_survival_function_.loc[ours.times].to_numpy()[is_inside]
    np.testing.assert_allclose(np.column_stack([ours.ci_lo, ours.ci_hi])[is_inside], bounds, rtol=0, atol=1e-9)
    assert ours.median == theirs.median_survival_time_
    if ours.survival[-1] > 0:
        assert [ours.median_lo, ours.median_hi] == np.ravel(median_survival_times(theirs.confidence_interval_)).tolist()
    if not is_late:
        other = sm.SurvfuncRight(time, is_event.astype(int))
        at = np.searchsorted(other.surv_times, ours.times)
        np.testing.assert_allclose(ours.se[is_inside], np.asarray(other.surv_prob_se)[at][is_inside], rtol=1e-9)


def test_splitting_a_row_where_nothing_changes_changes_nothing() -> None:
    time, is_event, x = lives(3)
    whole = cox(np.zeros(len(time)), time, is_event, x)
    cut = np.minimum(2.5, time / 2)
    split = cox(
        np.concatenate([np.zeros(len(time)), cut]),
        np.concatenate([cut, time]),
        np.concatenate([np.zeros(len(time), dtype=bool), is_event]),
        np.vstack([x, x]),
    )
    np.testing.assert_allclose(split.coefficients, whole.coefficients, rtol=0, atol=1e-9)
    np.testing.assert_allclose(split.covariance, whole.covariance, rtol=1e-8)


def test_order_of_rows_and_unit_of_covariates_change_nothing() -> None:
    time, is_event, x = lives(4)
    order = np.random.default_rng(0).permutation(len(time))
    one = cox(np.zeros(len(time)), time, is_event, x)
    other = cox(np.zeros(len(time)), time[order], is_event[order], x[order] * np.array([1e6, 1, 1e-6]) + 7)
    np.testing.assert_allclose(other.coefficients * np.array([1e6, 1, 1e-6]), one.coefficients, rtol=0, atol=1e-10)


def test_degenerate_samples_are_refused() -> None:
    time, is_event, x = lives(5)
    start = np.zeros(len(time))
    with pytest.raises(NotIdentifiedError, match="no events"):
        cox(start, time, np.zeros(len(time), dtype=bool), x)
    with pytest.raises(NotIdentifiedError, match="no events"):
        kaplan_meier(time, np.zeros(len(time), dtype=bool))
    with pytest.raises(NotIdentifiedError, match="no variation of its own"):
        cox(start, time, is_event, np.column_stack([x, np.ones(len(time))]))
    with pytest.raises(NotIdentifiedError, match="collinear"):
        cox(start, time, is_event, np.column_stack([x, x[:, 0] - 2 * x[:, 2]]))
    with pytest.raises(NotIdentifiedError, match="separate"):
        cox(start, time, is_event, is_event.astype(np.float64)[:, None])
    with pytest.raises(ValueError, match="empty or infinite interval"):
        cox(time, time, is_event, x)


def test_a_curve_that_reaches_zero_has_bounds_and_error_of_zero_there() -> None:
    ours = kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([True, True, True]))
    assert ours.survival == pytest.approx([2 / 3, 1 / 3, 0], abs=1e-15)
    assert (ours.se[-1], ours.ci_lo[-1], ours.ci_hi[-1]) == (0, 0, 0)
    assert np.all(np.isfinite(np.concatenate([ours.se, ours.ci_lo, ours.ci_hi])))
    assert ours.median == 2.0
    assert np.isinf(kaplan_meier(np.array([1.0, 2.0, 3.0]), np.array([True, False, False])).median)
