"""Power against published tables, statsmodels and simulation."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower

from pipelines.experiment.planning import Company, Precision, Trials, published_row, trial_rows
from pipelines.experiment.power import (
    design_effect,
    detectable_effect,
    growth_needed,
    instrument_se,
    intraclass_correlation,
    multiplier,
    power_at,
    repeated_variance,
    two_arm_se,
    two_arm_units,
)

DRAWS = 2000
# Three binomial standard errors around .80.
TOLERANCE = 3 * math.sqrt(0.8 * 0.2 / DRAWS)


def test_multipliers_are_those_of_bloom() -> None:
    # Bloom (1995): 2.80 standard errors two-sided at .05, 2.49 one-sided, with power .80.
    assert multiplier(1e6) == pytest.approx(2.80, abs=0.005)
    assert multiplier(1e6, alpha=0.10) == pytest.approx(2.49, abs=0.005)


@pytest.mark.parametrize(("effect", "per_arm"), [(0.2, 393), (0.5, 64), (0.8, 26)])
def test_sample_sizes_are_those_of_cohen(effect: float, per_arm: int) -> None:
    # Cohen (1992), table 2: small, medium and large difference of two means at .05.
    units = two_arm_units(effect, 1.0, 0.5)
    assert units is not None
    assert abs(units / 2 - per_arm) <= 1


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
@pytest.mark.parametrize("n", [60, 2000])
def test_power_and_detectable_effects_agree_with_statsmodels(share: float, n: int) -> None:
    first, ratio = n * share, (1 - share) / share
    oracle = TTestIndPower()
    se = two_arm_se(1.0, n, share)
    for effect in (0.05, 0.1, 0.3):
        assert power_at(effect, se, n - 2) == pytest.approx(oracle.power(effect, first, 0.05, ratio=ratio), abs=1e-6)
    assert power_at(100.0, se, n - 2) == pytest.approx(1.0)
    wanted = oracle.solve_power(nobs1=first, alpha=0.05, power=0.8, ratio=ratio)
    assert detectable_effect(se, n - 2) == pytest.approx(wanted, rel=0.01)


def test_a_published_se_with_few_clusters_has_the_power_that_statsmodels_says() -> None:
    se, df = 0.0024, 36.0
    wanted = detectable_effect(se, df)
    assert TTestPower().power(wanted / se / math.sqrt(df + 1), df + 1, 0.05) == pytest.approx(0.80, abs=0.01)


def test_the_intraclass_correlation_is_that_of_shrout_and_fleiss() -> None:
    # Shrout and Fleiss (1979), table 2 and 4: six targets, four judges, ICC(1,1) = .17.
    ratings = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=np.float64)
    found = intraclass_correlation(np.full(6, 4.0), ratings.sum(axis=1), (ratings**2).sum(axis=1))
    assert found == pytest.approx(0.17, abs=0.005)


def test_an_intraclass_correlation_that_can_not_be_says_why() -> None:
    one = np.ones(3)
    with pytest.raises(ValueError, match="two groups and a group of two"):
        intraclass_correlation(one, one, one)
    with pytest.raises(ValueError, match="do not vary"):
        intraclass_correlation(one * 2, one * 2, one * 2)


def test_design_effects() -> None:
    assert design_effect(20, 0.05) == pytest.approx(1.95)
    assert design_effect(20, 0.05, size_cv=1.0) == pytest.approx(2.95)
    assert design_effect(20, -0.3) == 1.0
    assert design_effect(1, 0.9) == 1.0


def test_power_at_the_detectable_effect_of_a_clustered_holdout_is_80_percent() -> None:
    rng = np.random.default_rng(20261122)
    n, share, windows, icc, sd = 600, 0.05, 4, 0.3, 2.0
    effect = detectable_effect(two_arm_se(sd, n, share, repeated_variance(windows, icc)), n - 2)
    held_out = np.arange(n) < n * share
    persons = rng.normal(0, sd * math.sqrt(icc), (DRAWS, n))
    noise = rng.normal(0, sd * math.sqrt(1 - icc), (windows, DRAWS, n))
    means = persons + noise.mean(axis=0) + effect * held_out
    found = stats.ttest_ind(means[:, held_out], means[:, ~held_out], axis=1).pvalue < 0.05
    assert np.mean(found) == pytest.approx(0.80, abs=TOLERANCE)


def test_the_standard_error_of_an_instrument_is_the_spread_of_its_estimates() -> None:
    rng = np.random.default_rng(1)
    n, r2, beta = 3000, 0.08, 0.4
    estimates = []
    for _ in range(DRAWS):
        instrument, hidden = rng.normal(size=(2, n))
        exposure = math.sqrt(r2) * instrument + math.sqrt(1 - r2) * hidden
        outcome = beta * exposure + 0.5 * hidden + rng.normal(0, 1, n)
        centred = instrument - instrument.mean()
        estimates.append(centred @ outcome / (centred @ exposure))
    error_sd = math.sqrt(0.25 + 1)
    assert np.std(estimates) == pytest.approx(instrument_se(error_sd, 1.0, r2, n), rel=0.06)


def test_four_times_the_sample_halves_what_can_be_found() -> None:
    assert growth_needed(0.02, 0.01) == pytest.approx(4)
    row = published_row(company(), Precision("contrast", "published sample", "C", 0.01 / multiplier(30), 30))
    assert row.detectable == pytest.approx(0.01)
    assert row.power == pytest.approx(power_at(0.005, 0.01 / multiplier(30), 30))
    assert (row.weeks_needed, row.tickets_needed) == (400, 40_000)


def company(**changed: float) -> Company:
    """A company of a hundred weeks and ten thousand tickets."""
    facts = {
        "matters": 0.005, "horizon_weeks": 13, "n_customers": 5000, "n_tickets": 10_000, "n_weeks": 100, "tickets_per_week": 200.0,
        "outcome_sd": 0.4, "outcome_icc": 0.2, "contact_sd": 0.5, "contact_icc": 0.2, "turns_per_customer": 20.0, "turns_cv": 0.5,
        "turn_sd": 2.0, "shift_size": 10.0, "contact_rate": 0.1, "responsiveness_shift": 1.5, "broadcast_shift": 0.5,
        "mean_broadcast": 1.0, "first_stage_r2": None,
    }  # fmt: skip
    return Company(**(facts | changed))  # ty: ignore[invalid-argument-type]


def test_the_planned_trials_follow_from_the_companys_sizes() -> None:
    found = [row.detectable or 0.0 for row in trial_rows(company(), Trials(weeks=13))]
    holdout, ticket, customer, shift, both, roster = found
    n = 200 * 13
    by_ticket = multiplier(n - 2) * 0.5 * math.sqrt(1 / (n * 0.25)) * 0.1 * 1.5
    assert ticket == pytest.approx(by_ticket)
    assert holdout == pytest.approx(multiplier(4998) * 0.4 * math.sqrt(1 / (5000 * 0.05 * 0.95)) * 0.5)
    assert customer == pytest.approx(by_ticket * math.sqrt(1 + (1.25 * 2.6 - 1) * 0.2), rel=1e-3)
    assert shift == pytest.approx(by_ticket * math.sqrt(1 + 9 * 0.05), rel=1e-3)
    assert both == pytest.approx(math.hypot(by_ticket, holdout), rel=2e-3)
    assert roster == pytest.approx(shift * math.sqrt(0.25 / 0.05) / 2, rel=1e-3)


def test_weeks_needed_are_the_first_that_reach_what_matters() -> None:
    row = trial_rows(company(), Trials())[1]
    assert row.weeks_needed is not None
    for weeks, is_enough in ((row.weeks_needed, True), (row.weeks_needed - 1, False)):
        found = trial_rows(company(), Trials(weeks=weeks))[1].detectable
        assert found is not None
        assert (found <= 0.005) == is_enough
    assert row.tickets_needed == row.weeks_needed * 200


def test_a_holdout_that_more_weeks_do_not_help_says_so() -> None:
    few = company(n_customers=300, outcome_icc=0.9)
    holdout = trial_rows(few, Trials())[0]
    assert holdout.weeks_needed is None
    assert holdout.reason is not None
    words = re.fullmatch(r"not within 520 weeks; ([\d,]+) customers would do in 13", holdout.reason)
    assert words is not None
    needed = int(words[1].replace(",", ""))
    for n_customers, is_enough in ((needed, True), (needed - 1, False)):
        found = trial_rows(replace(few, n_customers=n_customers), Trials())[0].detectable
        assert found is not None
        assert (found <= few.matters) == is_enough


def test_what_can_not_be_planned_says_why() -> None:
    assert (
        trial_rows(company(mean_broadcast=0.0), Trials())[0].reason
        == "Nobody was reached by a broadcast, so a holdout has nothing to withhold."
    )
    assert (trial_rows(company(broadcast_shift=0.0), Trials())[0].reason or "").startswith("Broadcast did not vary")
    for changed in ({"responsiveness_shift": 0.0}, {"contact_rate": 0.0}):
        assert (trial_rows(company(**changed), Trials())[1].reason or "").startswith("Reply times did not vary from week to week")
    assert trial_rows(company(tickets_per_week=0.1), Trials())[1].reason == "Too few tickets a week for a trial by ticket."
    assert trial_rows(company(turn_sd=0.0), Trials())[5].reason == "Reply times do not vary."
