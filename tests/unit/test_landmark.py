"""The churn landmark, against pyfixest, and against a truth that plain comparisons get wrong."""

from typing import Any

import numpy as np
import pandas as pd
import pyfixest as pf
import pytest

from pipelines.claim.landmark import landmark_effect
from pipelines.claim.linear import NotIdentifiedError

TRUE_EFFECT = -0.06


def contacts(seed: int, n: int = 1500, n_weeks: int = 20, n_slots: int = 4) -> dict[str, Any]:
    """Contacts whose hidden urgency makes replies faster and churn likelier; a shortfall only slows replies."""
    rng = np.random.default_rng(seed)
    week, slot = rng.integers(0, n_weeks, n), rng.integers(0, n_slots, n)
    shift = week * n_slots + slot
    shortfall = rng.gamma(2.0, 0.4, n_weeks * n_slots)[shift]
    log_arrivals = np.log(np.bincount(shift, minlength=n_weeks * n_slots)[shift])
    severity, urgency = rng.normal(size=(2, n))
    responsiveness = -shortfall - 0.9 * log_arrivals + 0.5 * severity + 1.2 * urgency + 0.5 * rng.normal(size=n)
    chance = 0.35 + TRUE_EFFECT * responsiveness + 0.05 * severity + 0.12 * urgency
    churned = (rng.random(n) < np.clip(chance - np.mean(chance) + 0.4, 0.0, 1.0)).astype(np.float64)
    return {
        "churned": churned,
        "responsiveness": responsiveness,
        "severity": severity[:, None],
        "log_arrivals": log_arrivals,
        "shortfall": shortfall,
        "week": week,
        "slot": slot,
        "shift": shift,
        "customer": rng.integers(0, 600, n),
    }


def changed(sample: dict[str, Any], **columns: Any) -> dict[str, Any]:
    return {**sample, **columns}


@pytest.mark.parametrize("seed", range(20))
def test_effect_and_standard_error_are_those_of_pyfixest(seed: int) -> None:
    sample = contacts(seed, n=400)
    ours = landmark_effect(**sample)
    table = pd.DataFrame({name: values for name, values in sample.items() if name != "severity"})
    table = table.assign(severity=sample["severity"][:, 0], iv=-table["shortfall"])
    theirs: Any = pf.feols(
        "churned ~ severity + log_arrivals | week + slot | responsiveness ~ iv",
        table,
        vcov={"CRV1": "customer + shift"},
        ssc=pf.ssc(k_adj=False, k_fixef="none", G_adj=True, G_df="conventional"),
        demeaner=pf.MapDemeaner(fixef_tol=1e-13, fixef_maxiter=100_000),
    )
    n_shifts, k = len(np.unique(sample["shift"])), 20 + 4 - 1
    assert ours.n_instrument_effects == k
    assert ours.estimate == pytest.approx(theirs.coef()["responsiveness"], abs=1e-7)
    assert not ours.fit.clustered.was_clipped
    assert ours.se == pytest.approx(theirs.se()["responsiveness"] * np.sqrt(n_shifts / (n_shifts - k)), abs=1e-6)
    assert ours.df == n_shifts - 1


def test_the_truth_is_found_where_a_plain_comparison_has_the_wrong_sign() -> None:
    estimates, covered, plain = [], [], []
    for seed in range(40):
        sample = contacts(seed)
        ours = landmark_effect(**sample)
        estimates.append(ours.estimate)
        covered.append(abs(ours.estimate - TRUE_EFFECT) < 2 * ours.se)
        plain.append(np.polyfit(sample["responsiveness"], sample["churned"], 1)[0])
    assert np.mean(plain) > 0
    assert np.mean(estimates) == pytest.approx(TRUE_EFFECT, abs=3 * np.std(estimates) / np.sqrt(40) + 0.003)
    assert np.mean(covered) >= 0.85


def test_order_of_rows_names_of_customers_and_idle_controls_change_nothing() -> None:
    sample = contacts(1)
    order = np.random.default_rng(0).permutation(1500)
    moved = {name: values[order] for name, values in sample.items()}
    moved["customer"] = 9_999 - moved["customer"]
    # The same column twice, and one that the week explains.
    moved["severity"] = np.column_stack([moved["severity"], 2 * moved["severity"], moved["week"] * 1.0])
    one, other = landmark_effect(**sample), landmark_effect(**moved)
    assert (other.estimate, other.se) == pytest.approx((one.estimate, one.se), abs=1e-10)
    assert other.first_stage.effective_f == pytest.approx(one.first_stage.effective_f, rel=1e-9)


def test_degenerate_samples_are_refused() -> None:
    sample = contacts(2)
    with pytest.raises(NotIdentifiedError, match="nobody or everybody"):
        landmark_effect(**changed(sample, churned=np.zeros(1500)))
    with pytest.raises(ValueError, match="0 or 1"):
        landmark_effect(**changed(sample, churned=np.full(1500, 0.5)))
    with pytest.raises(NotIdentifiedError, match="no variation of its own"):
        landmark_effect(**changed(sample, shortfall=sample["week"] * 0.1))
    with pytest.raises(NotIdentifiedError, match="effects of the instrument"):
        landmark_effect(**changed(sample, shift=sample["week"]))
