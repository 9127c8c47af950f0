"""Returns per unit of money: by hand, against the reduced form, and against samples drawn anew."""

from dataclasses import replace
from datetime import date

import duckdb
import numpy as np
import pytest

from pipelines.claim.clustering import cluster_covariance
from pipelines.claim.instrumental import fit_instrumented
from pipelines.claim.linear import NotIdentifiedError
from pipelines.claim.marginal_return import MarginalReturn, WeeklyCosts, marginal_return
from pipelines.claim.rule import decide
from pipelines.claim.sample import Panel
from pipelines.claim.service_over_broadcast import estimate
from pipelines.claim.system import Fitted, Setup, System, prepare
from pipelines.claim_samples import read_weekly_costs
from tests.unit.test_few_clusters import BETA_B, BETA_R, FACTS, QUESTION, SHIFT, rostered

COSTS = WeeklyCosts(service=500.0, broadcast=200.0, currency="EUR")
SETUP = Setup("roster", "adjusted", ("customer", "week_by_contact", "slot"))


def fitted(panel: Panel) -> tuple[System, Fitted]:
    system = prepare(panel, SETUP, (0.5,))
    return system, system.fit(0.5)


def returns(panel: Panel, costs: WeeklyCosts = COSTS) -> MarginalReturn:
    system, fit = fitted(panel)
    return marginal_return(system, 0.5, fit, panel.broadcast[0.5], 0.4, costs)


def exact() -> Panel:
    """No noise: a log point of hours halves the reply time once, a halving brings 0.4, a log point of adstock 0.3."""
    panel = rostered(0)
    responsiveness = -panel.columns["total_shortfall"]
    broadcast = np.log1p(np.where((np.arange(len(panel)) * 7) % 3 == 0, 3.0, 1.0))
    outcome = BETA_R * responsiveness + BETA_B * broadcast
    noise = 1e-6 * np.random.default_rng(0).normal(size=(2, len(panel)))
    responsiveness = responsiveness + (panel.turns > 0) * noise[0]
    return replace(panel, responsiveness=responsiveness, broadcast={0.5: broadcast}, outcome=outcome + noise[1])


def test_returns_are_those_worked_out_by_hand() -> None:
    """Service: 0.4 x 1 x 0.4 contacts / 500. Broadcast: A is 3 for one in three and else 1, so A/(1+A) is 0.75 or 0.5."""
    panel = exact()
    assert len(panel) % 3 == 0
    found = returns(panel)
    assert found.service == pytest.approx(0.4 * 1.0 * 0.4 / 500, rel=1e-3)
    assert found.broadcast == pytest.approx(0.3 * (0.75 + 2 * 0.5) / 3 / 200, rel=1e-3)
    assert found.value == pytest.approx(0.00032 - 0.000875, rel=1e-3)


def test_twice_the_cost_is_half_the_return() -> None:
    panel = rostered(1)
    once, twice = returns(panel), returns(panel, replace(COSTS, service=1000.0))
    assert twice.service == pytest.approx(once.service / 2)
    assert twice.broadcast == once.broadcast


def test_service_alone_is_the_reduced_form_with_its_standard_error() -> None:
    """beta pi is what the instrument does to the outcome, so that no delta method is needed: the coefficient and its error."""
    panel = rostered(2)
    system, _ = fitted(panel)
    _, instruments = system.positions(0.5)
    assert system.clusters is not None
    direct = fit_instrumented(
        system.absorbed, system.at["outcome"], instruments, instruments, system.clusters, system.n_instrument_effects
    )  # fmt: skip
    found = returns(panel, replace(COSTS, broadcast=1e15))
    assert found.service == pytest.approx(0.4 / 500 * direct.coefficients[0], rel=1e-9)
    assert found.se == pytest.approx(0.4 / 500 * direct.standard_errors[0], rel=1e-6)


def test_both_together_have_the_reduced_form_s_covariance() -> None:
    """With an exogenous broadcast, beta_B from the instrumented fit stands beside beta pi from the reduced form."""
    panel = rostered(3)
    system, fit = fitted(panel)
    _, instruments = system.positions(0.5)
    assert system.clusters is not None
    assert fit.iv is not None
    direct = fit_instrumented(system.absorbed, system.at["outcome"], instruments, instruments, system.clusters)
    both = np.column_stack([direct.influence[:, 0], fit.iv.influence[:, 1]])
    covariance = cluster_covariance(both, np.eye(2), system.clusters, system.n_instrument_effects).covariance
    adstock = np.expm1(panel.broadcast[0.5])
    weights = np.array([0.4 / 500, -np.mean(adstock / (1 + adstock)) / 200])
    assert returns(panel).se == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-9)


def test_the_standard_error_is_the_spread_over_samples() -> None:
    found = [returns(rostered(seed)) for seed in range(60)]
    spread = np.std([each.value for each in found], ddof=1)
    # The spread of sixty is known to a tenth.
    assert np.mean([each.se for each in found]) == pytest.approx(spread, rel=0.3)


def test_a_claim_with_costs_tells_the_return_and_a_dearer_service_is_a_conflict() -> None:
    panel = replace(rostered(4), outcome=exact_outcome(rostered(4)))

    def reason(costs: WeeklyCosts | None) -> tuple[str, float | None]:
        answer = estimate(panel, {0.5: SHIFT}, QUESTION, FACTS, with_gates=False, with_ladder=False, costs=costs)
        rows = {(row.lever, row.quantity): row for row in answer.estimates if row.is_primary}
        per_cost = rows.get(("contrast", "lambda"))
        decision = decide(rows["contrast", "delta"], rows["responsiveness", "theta"], [], 0.01, per_cost)
        return decision.reason_code, None if per_cost is None else per_cost.estimate

    assert reason(None) == ("strong", None)
    cheap, dear = reason(replace(COSTS, service=10.0)), reason(replace(COSTS, service=1e6))
    assert (cheap[0], dear[0]) == ("strong", "yardstick_conflict")
    assert cheap[1] is not None
    assert dear[1] is not None
    assert cheap[1] > 0 > dear[1]


def exact_outcome(panel: Panel) -> np.ndarray:
    noise = 0.05 * np.random.default_rng(0).normal(size=len(panel))
    return BETA_R * panel.responsiveness + BETA_B * panel.broadcast[0.5] + noise


@pytest.mark.parametrize(
    ("setup", "costs", "reason"),
    [
        (Setup("adjusted", "adjusted", ("customer", "week")), COSTS, "only the roster"),
        (replace(SETUP, r_instrument="total_load"), COSTS, "only the roster"),
        (SETUP, replace(COSTS, service=0.0), "costs nothing"),
        (SETUP, replace(COSTS, broadcast=float("nan")), "costs nothing"),
    ],
)
def test_without_a_roster_or_a_cost_there_is_no_return(setup: Setup, costs: WeeklyCosts, reason: str) -> None:
    panel = rostered(5)
    panel = replace(panel, columns=panel.columns | {"total_load": panel.columns["total_log_arrivals"] + panel.columns["total_shortfall"]})
    system = prepare(panel, setup, (0.5,))
    with pytest.raises(NotIdentifiedError, match=reason):
        marginal_return(system, 0.5, system.fit(0.5), panel.broadcast[0.5], 0.4, costs)


# Costs of the panel's weeks, from the input layer.

BOTH = "('service', '2026-01-05', 300, 'EUR'), ('marketing', '2026-01-05', 100, 'EUR')"


@pytest.mark.parametrize(
    ("rows", "measure", "expected"),
    [
        (BOTH, "delivered_sends", WeeklyCosts(300.0, 100.0, "EUR")),
        # The mean of weeks that have both; one before the panel, one after it and one of service alone do not count.
        (
            BOTH + ", ('service', '2026-01-12', 500, 'EUR'), ('marketing', '2026-01-12', 200, 'EUR'),"
            "('service', '2026-01-19', 9e3, 'EUR'),"
            "('service', '2025-12-29', 9e3, 'EUR'), ('marketing', '2025-12-29', 9e3, 'EUR'),"
            "('service', '2026-02-02', 9e3, 'EUR'), ('marketing', '2026-02-02', 9e3, 'EUR')",
            "delivered_sends", WeeklyCosts(400.0, 150.0, "EUR"),
        ),
        (BOTH + ", ('service', '2026-01-05', 50, 'EUR')", "delivered_sends", WeeklyCosts(350.0, 100.0, "EUR")),
        (BOTH, "reachable_posts", None),
        (BOTH + ", ('communications', '2026-01-05', 40, 'EUR')", "reachable_posts", WeeklyCosts(300.0, 40.0, "EUR")),
        (BOTH + ", ('communications', '2026-01-05', 40, 'EUR')", "sends_and_posts", WeeklyCosts(300.0, 140.0, "EUR")),
        (BOTH, "sends_and_posts", None),
        (BOTH, "brand_days", None),
        (BOTH.replace("100, 'EUR'", "100, 'USD'"), "delivered_sends", None),
        (BOTH.replace("100, 'EUR'", "100, null"), "delivered_sends", None),
        (BOTH.replace("100,", "null,"), "delivered_sends", None),
    ],
)  # fmt: skip
def test_costs_are_those_of_weeks_that_have_both(rows: str, measure: str, expected: WeeklyCosts | None) -> None:
    panel = replace(rostered(0), first_week=date(2026, 1, 5), last_week=date(2026, 1, 26))
    with duckdb.connect() as connection:
        connection.execute("create schema input")
        connection.execute(
            f"""
            create table input.input_shared__staff_costs as
            select function, week::date as week, cost::decimal(18, 4) as cost, currency, null::timestamptz as deleted_at
            from (values {rows}, ('service', '2026-01-05', null, 'GBP')) as costs (function, week, cost, currency)
            """
        )
        assert read_weekly_costs(connection, panel, measure) == expected
        connection.execute("update input.input_shared__staff_costs set deleted_at = now()")
        assert read_weekly_costs(connection, panel, measure) is None
        assert read_weekly_costs(connection, replace(panel, first_week=None), measure) is None
