"""Claim C1 on panels whose truth is known, and on panels that hold no answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import inf, isnan, sqrt

import numpy as np
import pytest
from scipy import optimize, stats

from pipelines.claim.linear import Floats, codes, fit_clustered
from pipelines.claim.policy_shift import Contrast, PolicyShift, contrast, fieller_interval
from pipelines.claim.results import Check, EffectEstimate, t_interval
from pipelines.claim.sample import Panel
from pipelines.claim.service_over_broadcast import Question, SampleFacts, Specification
from pipelines.claim.service_over_broadcast import estimate as estimate_answer

RATES = (0.0, 0.5, 0.9)
PRIMARY = Specification(0.5, ("customer", "week"))
BY_CONTACT = ("customer", "week_by_contact")
CURVE = (PRIMARY, *(Specification(rate, effects) for effects in (("customer", "week"), BY_CONTACT) for rate in RATES if rate != 0.5))
QUESTION = Question(
    outcome="participation", outcome_unit="probability", primary=PRIMARY, curve=CURVE, same_sign_share=0.8, join_coverage=0.95
)
FACTS = SampleFacts(n_customers=300, n_tickets=900, n_shifts=0, n_experiment_units=0, n_customer_messages=1000, n_resolved_messages=990)
SHIFTS = {
    0.0: PolicyShift(-3.0, 1.0, 0.0, 1.0, 0.3),
    0.5: PolicyShift(-2.0, 1.5, 0.2, 1.4, 0.3),
    0.9: PolicyShift(-2.0, 1.0, 0.5, 2.5, 0.3),
}
BETA_R, BETA_B = 0.04, -0.03


def panel(
    seed: int = 0, n_brands: int = 15, n_customers: int = 20, n_weeks: int = 20, is_noisy: bool = True, is_confounded: bool = False
) -> Panel:
    """An unbalanced panel whose outcome is made of BETA_R, BETA_B at rate 0.5, contact, and effects of customers and weeks.

    Args:
        is_noisy: outcomes are drawn as 0 or 1; otherwise they are the probabilities themselves.
        is_confounded: customers who come back anyway are answered faster.
    """
    rng = np.random.default_rng(seed)
    customer, week = np.nonzero(rng.random((n_brands * n_customers, n_weeks)) < 0.8)
    brand = customer // n_customers
    turns = rng.poisson(0.5, len(customer)).astype(np.float64)
    loyalty = rng.uniform(-0.1, 0.1, n_brands * n_customers)
    speed = rng.uniform(-1, 1, len(customer)) + (10 * loyalty[customer] if is_confounded else 0)
    responsiveness = turns * speed
    broadcast = {rate: rng.uniform(0, 2, (n_brands, n_weeks))[brand, week] for rate in RATES}
    season = rng.uniform(-0.05, 0.05, n_weeks)
    probability = (
        0.45 + BETA_R * responsiveness + BETA_B * broadcast[0.5] + 0.02 * turns + 0.03 * (turns > 0) + loyalty[customer] + season[week]
    )
    outcome = (rng.random(len(customer)) < probability).astype(np.float64) if is_noisy else probability
    return Panel(
        customer=customer,
        brand=brand,
        week=week,
        turns=turns,
        responsiveness=responsiveness,
        broadcast=broadcast,
        broadcast_reach="brand",
        outcome=outcome,
        shift=None,
        slot=None,
        columns={},
        first_week=date(2026, 1, 5),
        last_week=date(2026, 5, 18),
    )


def estimate(
    p: Panel, shifts: dict[float, PolicyShift], question: Question, facts: SampleFacts
) -> tuple[list[EffectEstimate], list[Check]]:
    answer = estimate_answer(p, shifts, question, facts)
    return answer.estimates, answer.checks


def row(rows: list[EffectEstimate], spec: Specification, lever: str, quantity: str) -> EffectEstimate:
    (found,) = [r for r in rows if r.spec_id == spec.spec_id and r.lever == lever and r.quantity == quantity]
    return found


def check(checks: list[Check], check_id: str) -> Check:
    (found,) = [c for c in checks if c.check_id == f"C1|{check_id}"]
    return found


def value(estimate_row: EffectEstimate) -> float:
    assert estimate_row.estimate is not None
    return estimate_row.estimate


def error(estimate_row: EffectEstimate) -> float:
    assert estimate_row.se is not None
    return estimate_row.se


def by_hand(p: Panel, spec: Specification) -> tuple[Floats, Floats]:
    """Coefficients and covariance of one specification, each fitted on its own."""
    any_turn = (p.turns > 0).astype(np.float64)
    effects = {"customer": p.customer, "week": p.week, "week_by_contact": codes(p.week * 2 + (p.turns > 0))}
    columns = [p.responsiveness, p.broadcast[spec.adstock_rate], p.turns]
    if "week_by_contact" not in spec.effects:
        columns.append(any_turn)
    if not spec.effects:
        columns.append(np.ones(len(p)))
    fitted = fit_clustered(p.outcome, np.column_stack(columns), [effects[name] for name in spec.effects], p.brand)
    return fitted.coefficients[:2], fitted.covariance[:2, :2]


# The truth is found.


def test_without_noise_the_effects_are_found_exactly() -> None:
    rows, _ = estimate(panel(is_noisy=False), SHIFTS, QUESTION, FACTS)
    assert value(row(rows, PRIMARY, "responsiveness", "beta")) == pytest.approx(BETA_R, abs=1e-9)
    assert value(row(rows, PRIMARY, "broadcast", "beta")) == pytest.approx(BETA_B, abs=1e-9)
    expected = 0.3 * 3.5 * BETA_R - 1.2 * BETA_B
    assert value(row(rows, PRIMARY, "contrast", "delta")) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_with_noise_the_effects_are_found_within_their_error(seed: int) -> None:
    rows, checks = estimate(panel(seed, n_brands=30), SHIFTS, QUESTION, FACTS)
    delta = row(rows, PRIMARY, "contrast", "delta")
    truth = {"responsiveness": BETA_R, "broadcast": BETA_B}
    for lever, beta in truth.items():
        found = row(rows, PRIMARY, lever, "beta")
        assert 0 < error(found) < 0.02
        assert abs(value(found) - beta) < 3.5 * error(found)
    assert abs(value(delta) - (0.3 * 3.5 * BETA_R - 1.2 * BETA_B)) < 3.5 * error(delta)
    assert check(checks, "computable").passed


def test_faster_answers_for_better_customers_mislead_the_naive_estimate_only() -> None:
    rows, _ = estimate(panel(1, n_brands=30, is_confounded=True, is_noisy=False), SHIFTS, QUESTION, FACTS)
    naive = row(rows, Specification(0.5, ()), "responsiveness", "beta")
    assert value(row(rows, PRIMARY, "responsiveness", "beta")) == pytest.approx(BETA_R, abs=1e-9)
    assert value(naive) > 1.2 * BETA_R
    assert naive.is_naive
    assert not naive.is_primary
    assert (naive.evidence_grade_r, naive.evidence_grade_b) == ("D", "D")


@pytest.mark.parametrize("spec", [*CURVE, Specification(0.5, ())], ids=lambda spec: spec.spec_id)
def test_every_specification_is_the_fit_it_is_named_after(spec: Specification) -> None:
    p = panel(2)
    rows, _ = estimate(p, SHIFTS, QUESTION, FACTS)
    beta, covariance = by_hand(p, spec)
    for position, lever in enumerate(("responsiveness", "broadcast")):
        found = row(rows, spec, lever, "beta")
        assert value(found) == pytest.approx(beta[position], abs=1e-10)
        assert error(found) == pytest.approx(sqrt(covariance[position, position]), rel=1e-8)
        assert found.cov_rb == pytest.approx(covariance[0, 1], rel=1e-6)


# From coefficients to the policy shift.


@pytest.mark.parametrize("spec", CURVE, ids=lambda spec: spec.spec_id)
def test_delta_and_its_error_are_the_formula_from_the_betas(spec: Specification) -> None:
    rows, _ = estimate(panel(3), SHIFTS, QUESTION, FACTS)
    shift = SHIFTS[spec.adstock_rate]
    beta_r, beta_b = (row(rows, spec, lever, "beta") for lever in ("responsiveness", "broadcast"))
    theta_r, theta_b = (row(rows, spec, lever, "theta") for lever in ("responsiveness", "broadcast"))
    delta = row(rows, spec, "contrast", "delta")
    weight_r = shift.contact_rate * (shift.responsiveness_p75 - shift.responsiveness_p25)
    weight_b = shift.broadcast_p75 - shift.broadcast_p25
    assert value(theta_r) == pytest.approx(weight_r * value(beta_r))
    assert value(theta_b) == pytest.approx(weight_b * value(beta_b))
    assert error(theta_r) == pytest.approx(weight_r * error(beta_r))
    assert error(theta_b) == pytest.approx(weight_b * error(beta_b))
    assert value(delta) == pytest.approx(weight_r * value(beta_r) - weight_b * value(beta_b))
    assert beta_r.cov_rb is not None
    variance = (weight_r * error(beta_r)) ** 2 + (weight_b * error(beta_b)) ** 2 - 2 * weight_r * weight_b * beta_r.cov_rb
    assert error(delta) == pytest.approx(sqrt(variance))
    assert (theta_r.scale_p25, theta_r.scale_p75) == (shift.responsiveness_p25, shift.responsiveness_p75)
    assert (theta_b.scale_p25, theta_b.scale_p75) == (shift.broadcast_p25, shift.broadcast_p75)
    assert delta.contact_rate == shift.contact_rate


def test_intervals_are_students_with_one_degree_less_than_clusters() -> None:
    rows, _ = estimate(panel(3), SHIFTS, QUESTION, FACTS)
    delta = row(rows, CURVE[1], "contrast", "delta")
    assert (delta.df, delta.n_clusters_1, delta.se_type) == (14, 15, "CRV1 by brand")
    half95, half90 = 2.144786688 * error(delta), 1.761310136 * error(delta)  # t tables, 14 df
    assert delta.ci95_lo == pytest.approx(value(delta) - half95)
    assert delta.ci95_hi == pytest.approx(value(delta) + half95)
    assert delta.ci90_lo == pytest.approx(value(delta) - half90)
    assert delta.ci90_hi == pytest.approx(value(delta) + half90)
    assert delta.p == pytest.approx(2 * stats.t.sf(abs(value(delta)) / error(delta), 14))
    assert delta.mde == pytest.approx(2.8 * error(delta))


@pytest.mark.parametrize("df", [1.0, 4.0, 30.0])
def test_the_p_value_is_005_where_the_interval_touches_zero(df: float) -> None:
    se = 2.0
    edge = float(stats.t.ppf(0.975, df)) * se
    interval = t_interval(edge, se, df)
    assert interval.p == pytest.approx(0.05)
    assert interval.ci95_lo == pytest.approx(0, abs=1e-12)
    assert interval.ci95_hi == pytest.approx(2 * edge)


def test_the_covariance_of_the_levers_is_carried_over() -> None:
    found = contrast(np.array([2.0, 3.0]), np.array([[4.0, 1.5], [1.5, 9.0]]), PolicyShift(0, 10, 1, 3, 0.5))
    assert (found.theta_r, found.theta_b, found.delta) == (10.0, 6.0, 4.0)
    assert (found.se_r, found.se_b, found.cov_rb) == (10.0, 6.0, 15.0)
    assert found.delta_se == pytest.approx(sqrt(100 + 36 - 30))


def test_levers_that_move_as_one_have_a_difference_without_error() -> None:
    assert Contrast(theta_r=1.0, theta_b=0.5, se_r=0.1, se_b=0.1, cov_rb=0.010000000001).delta_se == 0.0


# The break-even ratio.


def fieller_statistic(c: Contrast, df: float, ratio: float) -> float:
    """Below 0 where a ratio is not refused: (theta_r - k theta_b)^2 - t^2 Var(theta_r - k theta_b)."""
    t = float(stats.t.ppf(0.975, df))
    return (c.theta_r - ratio * c.theta_b) ** 2 - t**2 * (c.se_r**2 - 2 * ratio * c.cov_rb + ratio**2 * c.se_b**2)


def random_contrast(seed: int, theta_b: float) -> Contrast:
    rng = np.random.default_rng(seed)
    se_r, se_b = rng.uniform(0.1, 2), rng.uniform(0.1, 0.4)
    return Contrast(float(rng.normal()) * 2, theta_b, se_r, se_b, float(rng.uniform(-0.9, 0.9) * se_r * se_b))


@pytest.mark.parametrize("theta_b", [2.0, -2.0])
@pytest.mark.parametrize("seed", range(15))
def test_the_ratio_s_interval_is_where_the_ratio_is_not_refused(seed: int, theta_b: float) -> None:
    c = random_contrast(seed, theta_b)
    found = fieller_interval(c, df=12)
    assert found is not None
    middle = c.theta_r / c.theta_b
    reach = next(width for width in 2.0 ** np.arange(0, 40) if all(fieller_statistic(c, 12, middle + s * width) > 0 for s in (-1, 1)))
    ends = [optimize.brentq(lambda k: fieller_statistic(c, 12, k), middle, middle + s * reach, xtol=1e-13) for s in (-1, 1)]
    assert found == pytest.approx(ends, abs=1e-8)


@pytest.mark.parametrize("theta_b", [0.0, 0.05, -0.05, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_no_finite_ratio_exists_where_broadcast_may_do_nothing(seed: int, theta_b: float) -> None:
    c = random_contrast(seed, theta_b)
    assert abs(theta_b) < float(stats.t.ppf(0.975, 12)) * c.se_b
    assert fieller_interval(c, df=12) is None
    # Ratios without end are not refused: no interval could hold them.
    assert min(fieller_statistic(c, 12, k) for k in (-1e9, 1e9)) < 0


def test_without_any_effect_of_broadcast_nor_error_there_is_no_ratio() -> None:
    assert fieller_interval(Contrast(1.0, 0.0, 0.1, 0.0, 0.0), df=12) is None


def test_a_wider_level_gives_a_wider_interval() -> None:
    c = Contrast(1.0, 2.0, 0.3, 0.2, 0.01)
    narrow, wide = fieller_interval(c, 20, 0.90), fieller_interval(c, 20, 0.95)
    assert narrow is not None
    assert wide is not None
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def with_effect_of_broadcast(effect: float) -> Panel:
    p = panel(4, is_noisy=False)
    noise = 0.02 * np.random.default_rng(4).normal(size=len(p))
    return replace(p, outcome=p.outcome + (effect - BETA_B) * p.broadcast[0.5] + noise)


def test_the_ratio_is_told_where_broadcast_does_good() -> None:
    rows, _ = estimate(with_effect_of_broadcast(0.03), SHIFTS, QUESTION, FACTS)
    kappa = row(rows, PRIMARY, "contrast", "kappa_star")
    theta_r, theta_b = (row(rows, PRIMARY, lever, "theta") for lever in ("responsiveness", "broadcast"))
    assert value(kappa) == pytest.approx(value(theta_r) / value(theta_b))
    assert kappa.ci95_lo is not None
    assert kappa.ci95_hi is not None
    assert kappa.ci95_lo < 0.3 * 3.5 * BETA_R / (1.2 * 0.03) < kappa.ci95_hi
    assert kappa.se_type == "Fieller"


@pytest.mark.parametrize("effect", [0.0, -0.03])
def test_no_ratio_is_told_where_broadcast_does_nothing_or_harm(effect: float) -> None:
    rows, _ = estimate(with_effect_of_broadcast(effect), SHIFTS, QUESTION, FACTS)
    kappa = row(rows, PRIMARY, "contrast", "kappa_star")
    assert (kappa.estimate, kappa.ci95_lo, kappa.ci95_hi) == (None, None, None)


# What the rows and checks say.


def test_rows_say_what_they_are() -> None:
    p = panel(5)
    rows, _ = estimate(p, SHIFTS, QUESTION, FACTS)
    assert len({r.estimate_id for r in rows}) == len(rows) == 6 * (len(CURVE) + 1)
    delta = row(rows, PRIMARY, "contrast", "delta")
    assert [r for r in rows if r.is_primary and r.quantity == "delta"] == [delta]
    assert delta.estimate_id == "C1|customer+week|adstock 0.5|contrast|delta"
    assert (delta.evidence_grade_r, delta.evidence_grade_b) == ("C", "D")
    assert (delta.outcome, delta.unit, delta.n_customers, delta.n_tickets) == ("participation", "probability", 300, 900)
    assert (delta.window_start, delta.window_end) == (date(2026, 1, 5), date(2026, 5, 18))
    assert delta.n_obs == len(p)
    assert delta.max_cluster_share == pytest.approx(np.bincount(p.brand).max() / len(p))


def test_customers_seen_once_are_left_out_and_counted_out() -> None:
    p = panel(5)
    visitor = p.rows(np.arange(len(p)) == 0)
    extended = replace(
        p,
        customer=np.append(p.customer, p.customer.max() + 1),
        brand=np.append(p.brand, visitor.brand),
        week=np.append(p.week, visitor.week),
        turns=np.append(p.turns, 50.0),
        responsiveness=np.append(p.responsiveness, 500.0),
        broadcast={rate: np.append(values, 100.0) for rate, values in p.broadcast.items()},
        outcome=np.append(p.outcome, 1.0),
    )
    delta, same = (row(estimate(each, SHIFTS, QUESTION, FACTS)[0], PRIMARY, "contrast", "delta") for each in (extended, p))
    assert (delta.n_obs, delta.estimate, delta.se) == (len(p), pytest.approx(same.estimate), pytest.approx(same.se))


def test_the_share_of_the_curve_with_the_primary_s_sign_is_a_gate() -> None:
    p = panel(6)
    rows, checks = estimate(p, SHIFTS, QUESTION, FACTS)
    sign = np.sign(value(row(rows, PRIMARY, "contrast", "delta")))
    same = sum(np.sign(value(row(rows, spec, "contrast", "delta"))) == sign for spec in CURVE)
    gate = check(checks, "same_sign_share")
    assert (gate.gate_code, gate.blocking) == ("G7", True)
    assert gate.value == same / len(CURVE)
    assert gate.passed == (same / len(CURVE) >= 0.8)
    assert gate.estimate_id == row(rows, PRIMARY, "contrast", "delta").estimate_id


def test_a_curve_that_turns_its_sign_fails_the_gate() -> None:
    p = panel(6, is_noisy=False)
    turned = {rate: replace(shift, responsiveness_p25=1.0, responsiveness_p75=-3.0) for rate, shift in SHIFTS.items() if rate != 0.5}
    _, checks = estimate(p, {**turned, 0.5: SHIFTS[0.5]}, QUESTION, FACTS)
    gate = check(checks, "same_sign_share")
    assert gate.value is not None
    assert gate.value < 0.8
    assert not gate.passed


def test_specifications_that_cannot_be_computed_do_not_agree() -> None:
    _, checks = estimate(panel(6), {0.5: SHIFTS[0.5]}, QUESTION, FACTS)
    assert check(checks, "same_sign_share").value == pytest.approx(1 / len(CURVE))


def test_this_design_never_passes_the_gate_of_identification() -> None:
    _, checks = estimate(panel(7), SHIFTS, QUESTION, FACTS)
    gate = check(checks, "strength")
    assert (gate.gate_code, gate.passed, gate.blocking) == ("G1", False, True)
    assert "Not used: roster instrument (0 shifts with turns have planned and actual hours)." in gate.detail


@pytest.mark.parametrize(
    ("messages", "resolved", "share", "passed"), [(1000, 950, 0.95, True), (1000, 949, 0.949, False), (0, 0, None, False)]
)
def test_customer_messages_must_belong_to_known_customers(messages: int, resolved: int, share: float | None, passed: bool) -> None:
    facts = replace(FACTS, n_customer_messages=messages, n_resolved_messages=resolved)
    _, checks = estimate(panel(7), SHIFTS, QUESTION, facts)
    gate = check(checks, "join_coverage")
    assert (gate.gate_code, gate.kind, gate.value, gate.passed) == ("G9", "dq", share, passed)


# Panels without an answer.


def no_turns(p: Panel) -> Panel:
    return replace(p, turns=np.zeros(len(p)), responsiveness=np.zeros(len(p)))


def constant_broadcast(p: Panel) -> Panel:
    return replace(p, broadcast={rate: np.full(len(p), 0.7) for rate in p.broadcast})


def each_customer_once(p: Panel) -> Panel:
    return p.rows(np.isin(np.arange(len(p)), np.unique(p.customer, return_index=True)[1]))


def two_by_two(p: Panel) -> Panel:
    """Two weeks that a customer of the first brand and one of the second share."""
    shared = np.intersect1d(p.week[p.customer == 0], p.week[p.customer == 20])[:2]
    return p.rows(np.isin(p.customer, [0, 20]) & np.isin(p.week, shared))


def one_speed(p: Panel) -> Panel:
    return replace(p, responsiveness=2.0 * p.turns)


DEGENERATE: dict[str, tuple[Callable[[Panel], Panel], str]] = {
    "empty panel": (lambda p: replace(p.rows(np.zeros(len(p), dtype=bool)), first_week=None, last_week=None), "customers"),
    "one row": (lambda p: p.rows(np.arange(len(p)) == 0), "customers"),
    "one customer": (lambda p: p.rows(p.customer == 0), "customers"),
    "one brand": (lambda p: p.rows(p.brand == 0), "cluster"),
    "one week": (lambda p: p.rows(p.week == 0), "customers"),
    "every customer once": (each_customer_once, "customers"),
    "two weeks of two customers": (two_by_two, "collinear"),
    "no turns": (no_turns, "variation"),
    "constant broadcast": (constant_broadcast, "variation"),
    "one speed": (one_speed, "collinear"),
}


def assert_no_answer(rows: list[EffectEstimate], checks: list[Check], reason: str) -> None:
    (delta,) = [r for r in rows if r.is_primary]
    assert (delta.lever, delta.quantity, delta.unit) == ("contrast", "delta", "probability")
    numbers = (delta.estimate, delta.se, delta.df, delta.ci95_lo, delta.ci95_hi, delta.ci90_lo, delta.ci90_hi, delta.p, delta.mde)
    assert set(numbers) == {None}
    gate = check(checks, "computable")
    assert (gate.gate_code, gate.kind, gate.value, gate.passed, gate.blocking) == ("G9", "dq", 0.0, False, True)
    assert reason in gate.detail
    assert all(c.gate_code != "G7" for c in checks)
    assert len({r.estimate_id for r in rows}) == len(rows)
    filled = [number for r in rows for number in (r.estimate, r.se, r.p, r.ci95_lo, r.ci95_hi) if number is not None]
    assert not any(isnan(number) or abs(number) == inf for number in filled)


@pytest.mark.parametrize("case", DEGENERATE)
def test_a_panel_without_an_answer_says_so(case: str) -> None:
    spoil, reason = DEGENERATE[case]
    p = spoil(panel(8))
    rows, checks = estimate(p, SHIFTS, QUESTION, FACTS)
    assert_no_answer(rows, checks, reason)
    assert next(r for r in rows if r.is_primary).n_obs == len(p)


def test_without_weeks_enough_for_percentiles_there_is_no_answer() -> None:
    rows, checks = estimate(panel(8), {}, QUESTION, FACTS)
    assert_no_answer(rows, checks, "no brand has a full week with turns enough")
    assert len(rows) == 1


def test_without_percentiles_of_the_primary_s_own_rate_there_is_no_answer() -> None:
    others = {rate: shift for rate, shift in SHIFTS.items() if rate != 0.5}
    rows, checks = estimate(panel(8), others, QUESTION, FACTS)
    assert_no_answer(rows, checks, "no brand has a full week with turns enough")


def test_one_customer_in_every_brand_is_enough() -> None:
    p = panel(8, is_noisy=False)
    rows, checks = estimate(p.rows(p.customer % 20 == 0), SHIFTS, QUESTION, FACTS)
    assert value(row(rows, PRIMARY, "responsiveness", "beta")) == pytest.approx(BETA_R, abs=1e-9)
    assert check(checks, "computable").passed


def test_customers_with_one_turn_a_week_at_most_are_an_answer() -> None:
    p = panel(8, is_noisy=False)
    rows, checks = estimate(p.rows(p.turns <= 1), SHIFTS, QUESTION, FACTS)
    assert check(checks, "computable").passed
    assert value(row(rows, PRIMARY, "responsiveness", "beta")) == pytest.approx(BETA_R, abs=1e-9)


def test_customers_with_a_turn_every_week_are_an_answer() -> None:
    p = panel(8, is_noisy=False)
    rows, checks = estimate(p.rows(p.turns > 0), SHIFTS, QUESTION, FACTS)
    assert check(checks, "computable").passed
    assert value(row(rows, PRIMARY, "responsiveness", "beta")) == pytest.approx(BETA_R, abs=1e-9)


def test_a_policy_shift_of_no_width_is_no_answer() -> None:
    """One eligible week per brand: its 25th percentile is its 75th."""
    still = {rate: PolicyShift(1.0, 1.0, 0.5, 0.5, 0.3) for rate in SHIFTS}
    rows, checks = estimate(panel(8), still, QUESTION, FACTS)
    assert_no_answer(rows, checks, "")
