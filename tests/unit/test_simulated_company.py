"""The simulated company: its draws, their moments, and its truth against formulas written independently."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pipelines.errors import ConfigError
from pipelines.simulate.arrays import panel_of, shift_facts, turns_of
from pipelines.simulate.calendar import HOUR, SLOT, START
from pipelines.simulate.company import Company, simulate
from pipelines.simulate.contacts import SEVERITY_SHARES
from pipelines.simulate.priority_queue import _serve, agent_spans
from pipelines.simulate.truth import policy_shift_of, truth_of
from pipelines.simulate.worlds import WORLDS, World, world_named

SURELY = 1 - 1e-6


def arrays_in(value: Any) -> list[NDArray[Any]]:
    """All arrays inside a dataclass, in the order of its fields."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        return [array for key in value for array in arrays_in(value[key])]
    if is_dataclass(value):
        return [array for field in fields(value) for array in arrays_in(getattr(value, field.name))]
    return []


def same(left: Any, right: Any) -> bool:
    """Whether two dataclasses hold the same arrays, bit by bit."""
    ours, theirs = arrays_in(left), arrays_in(right)
    return len(ours) == len(theirs) > 0 and all(
        np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in zip(ours, theirs, strict=True)
    )


def plausible(count: int, n: int, share: float) -> bool:
    lowest, highest = stats.binom.interval(SURELY, n, share)
    return bool(lowest <= count <= highest)


@pytest.fixture(scope="module")
def company() -> Company:
    return simulate(WORLDS["true"], 7, 3000, 40)


def test_same_seed_gives_the_same_company_and_another_seed_another(company: Company) -> None:
    again, other = simulate(WORLDS["true"], 7, 3000, 40), simulate(WORLDS["true"], 8, 3000, 40)
    assert same(company, again)
    assert same(panel_of(company), panel_of(again))
    assert same(turns_of(company), turns_of(again))
    assert not same(company.roster, other.roster)
    assert not np.array_equal(company.amounts, other.amounts)


@pytest.mark.parametrize(
    ("change", "unchanged"),
    [
        ({"bot_share": 0.9}, ["demand", "customers", "outages", "roster", "agents", "contacts", "reach", "mentions", "churn.ended_at"]),
        ({"targeted_sends": 3.0}, ["demand", "customers", "outages", "roster", "agents", "contacts", "answers", "mentions", "churn"]),
        ({"holdout_share": 0.5, "trial_share": 0.5}, ["demand", "outages", "roster", "agents", "contacts", "mentions", "reach.sends"]),
        ({"noise_sd": 0.1}, ["demand", "customers", "outages", "roster", "agents", "contacts", "answers", "reach", "mentions", "churn"]),
        ({"attrition_share": 0.3}, ["demand", "outages", "roster", "agents", "customers.value", "reach.score", "reach.posts"]),
    ],
)
def test_one_part_leaves_the_draws_of_the_others(change: dict[str, float], unchanged: list[str]) -> None:
    world = replace(WORLDS["true"], churn_effect=0.0)
    one, two = simulate(world, 3, 300, 12), simulate(replace(world, **change), 3, 300, 12)
    for name in unchanged:
        left, right = one, two
        for part in name.split("."):
            left, right = getattr(left, part), getattr(right, part)
        assert same(left, right), name
    assert not same(one, two)


def test_counts_are_those_of_the_distributions() -> None:
    world = replace(
        WORLDS["holdout"], contact_demand=0.0, outage_rate=0.0, mention_answer_by_value=0.0, mention_answer_by_shortfall=0.0,
        targeting_by_score=0.0, targeting_by_demand=0.0, targeting_by_value=0.0, log_wait=-3.0, log_mention_wait=-3.0,
    )  # fmt: skip
    made = simulate(world, 11, 3000, 40)
    cells, n_contacts = 3000 * 40, len(made.contacts)
    assert plausible(n_contacts, cells, world.contact_rate)
    for level, share in enumerate(SEVERITY_SHARES):
        assert plausible((made.contacts.severity_level == level).sum(), n_contacts, share)
    assert abs(made.contacts.tagged_severity.mean()) < 5 / np.sqrt(n_contacts)
    assert made.contacts.tagged_severity.var() == pytest.approx(1, abs=5 * np.sqrt(2 / n_contacts))
    assert plausible(made.answers.is_bot.sum(), n_contacts, world.bot_share)
    bots = made.answers.is_bot
    assert plausible((bots & ~made.answers.is_human).sum(), bots.sum(), world.bot_only_share)
    assert made.answers.in_trial.sum() == (made.contacts.week >= 10).sum()
    assert plausible(made.answers.is_treated.sum(), made.answers.in_trial.sum(), world.trial_share)
    assert plausible(made.customers.in_holdout.sum(), 3000, world.holdout_share)
    assert plausible(made.customers.is_subscriber.sum(), 3000, world.subscriber_share)
    assert plausible(len(made.mentions.customer), cells, world.mention_rate)
    assert plausible(made.mentions.is_answered.sum(), len(made.mentions.customer), world.mention_answer_rate)
    assert plausible(made.reach.unknown.sum(), made.reach.posts.sum(), world.unknown_client_share)
    lowest, highest = stats.poisson.interval(SURELY, cells * world.targeted_sends)
    assert lowest <= made.reach.sends.sum() - cells <= highest
    lowest, highest = stats.poisson.interval(SURELY, made.reach.posts.size * (world.posts_per_week - 1))
    assert lowest <= made.reach.posts.sum() - made.reach.posts.size <= highest
    shortfall = made.roster.shortfall
    assert shortfall.mean() == pytest.approx(0.2, abs=5 * np.sqrt(0.02 / shortfall.size))
    assert shortfall.var() == pytest.approx(0.02, rel=0.2)
    warmth = made.agents.warmth
    assert warmth.mean() == pytest.approx(0, abs=1e-12)
    assert warmth.std() == pytest.approx(1)


def quiet(name: str, **changes: float) -> World:
    """A world in which nothing but its parameters moves the outcome."""
    return replace(WORLDS[name], noise_sd=0.0, taste_sd=0.0, shift_shock_sd=0.0, **changes)


@pytest.mark.parametrize("name", ["true", "inverted_u", "bot_heavy", "broken_instrument", "holdout"])
def test_the_outcome_is_its_parts_times_the_parameters(name: str) -> None:
    world = quiet(name, posts_effect=0.03, touches_effect=0.04, warmth_effect=0.05)
    made = simulate(world, 5, 400, 30)
    panel, n_weeks = panel_of(made), 30
    cell = made.contacts.customer * n_weeks + made.contacts.week

    def placed(values: NDArray[Any]) -> NDArray[np.float64]:
        column = np.zeros(len(panel))
        np.add.at(column, cell, values)
        return column

    def adstocked(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        weekly = counts.reshape(-1, n_weeks)
        felt = np.zeros_like(weekly)
        for lag in range(27):
            felt[:, lag:] += 0.5**lag * weekly[:, : n_weeks - lag]
        return np.log1p(felt).ravel()

    share = (made.reach.scheduled / made.reach.posts)[:, made.customers.followed].T.ravel()
    is_harmed = made.outages.harmed_by_small[made.contacts.week, made.contacts.slot]
    parts = [
        (1.0, made.demand[panel.week]),
        (20.0, np.ones(len(panel))),
        (world.value_effect, made.customers.value[panel.customer]),
        (world.targeting_score_effect, panel.columns["targeting_score"]),
        (world.broadcast_effect, adstocked(panel.columns["n_delivered_sends"])),
        (0.03, adstocked(panel.columns["n_reachable_posts"])),
        (0.04, adstocked(made.reach.touches.T.ravel().astype(float))),
        (world.automation_linear, share),
        (-world.automation_square, share**2),
        (world.responsiveness_effect, panel.responsiveness),
        (-world.contact_cost, placed(np.ones(len(cell)))),
        (-world.tagged_severity_effect, placed(made.contacts.tagged_severity)),
        (-world.untagged_severity_effect, placed(made.contacts.untagged_severity)),
        (-world.outage_harm, placed(made.contacts.is_outage_hit)),
        (-world.small_outage_harm, placed(is_harmed)),
        (world.human_first_premium, placed(made.answers.is_human & ~made.answers.is_bot)),
        (0.05, placed(made.agents.warmth[made.answers.agent] * made.answers.is_human)),
        (-world.mention_cost, panel.columns["n_mentions"]),
        (world.mention_answered_effect, panel.columns["n_mentions_answered"]),
    ]
    varying = [(effect, part) for effect, part in parts if part.any()]
    fitted = np.linalg.lstsq(np.column_stack([part for _, part in varying]), panel.outcome, rcond=None)[0]
    np.testing.assert_allclose(fitted, [effect for effect, _ in varying], atol=3e-4)


def test_truth_is_the_identity_of_the_policy_shift(company: Company) -> None:
    truth, panel = truth_of(company), panel_of(company)
    weekly = [
        (panel.responsiveness[rows].sum() / panel.turns[rows].sum(), panel.broadcast[0.5][rows].mean())
        for rows in (panel.week == week for week in range(company.n_weeks))
        if panel.turns[rows].sum() >= 5
    ]
    (r25, b25), (r75, b75) = np.percentile(weekly, [25, 75], axis=0)
    assert truth["theta_r"] == pytest.approx(0.2 * panel.turns.mean() * (r75 - r25), rel=1e-12)
    assert truth["theta_b"] == pytest.approx(0.02 * (b75 - b25), rel=1e-12)
    assert truth["delta"] == truth["theta_r"] - truth["theta_b"] == truth["claims"]["C1"]["effect"]
    assert truth["claims"]["C7"]["service"] == truth["theta_r"]


def test_brands_are_averaged_by_their_customer_weeks() -> None:
    made = simulate(WORLDS["staggered"], 4, 2000, 24)
    panel = panel_of(made)
    spreads = []
    for brand in range(8):
        rows = panel.brand == brand
        weekly = [panel.responsiveness[rows & (panel.week == w)].sum() / panel.turns[rows & (panel.week == w)].sum() for w in range(24)]
        turns = [panel.turns[rows & (panel.week == w)].sum() for w in range(24)]
        spreads.append((rows.sum(), np.percentile([r for r, n in zip(weekly, turns, strict=True) if n >= 5], 75)))
    expected = sum(n * p75 for n, p75 in spreads) / len(panel)
    assert policy_shift_of(made)["responsiveness_p75"] == pytest.approx(expected, rel=1e-12)


def test_optimum_automation_of_the_inverted_u_is_two_fifths() -> None:
    claim = truth_of(simulate(WORLDS["inverted_u"], 1, 100, 8))["claims"]["C3"]
    assert claim["optimum_share"] == pytest.approx(0.4)
    assert claim["full_automation"] == pytest.approx(-0.2)


def test_tightened_service_level_halves_waits_from_its_week_on() -> None:
    tight, usual = (simulate(replace(WORLDS["staggered"], service_level_gain=gain), 2, 2000, 24) for gain in (1.0, 0.0))
    brand = tight.customers.brand[tight.contacts.customer]
    since = np.array([8, 12, 16, 99])[brand % 4]
    both = tight.answers.is_human & usual.answers.is_human & (tight.answers.human_wait > HOUR)
    ratio = tight.answers.human_wait[both] / usual.answers.human_wait[both]
    np.testing.assert_allclose(ratio, np.where((tight.contacts.week >= since)[both], 0.5, 1.0), rtol=1e-6)


def test_trial_and_holdout_begin_after_a_quarter_of_the_weeks() -> None:
    made = simulate(WORLDS["holdout"], 2, 1000, 20)
    plain = simulate(replace(WORLDS["holdout"], trial_speedup=0.0), 2, 1000, 20)
    both = made.answers.is_human & plain.answers.is_human & (made.answers.human_wait > HOUR)
    ratio = made.answers.human_wait[both] / plain.answers.human_wait[both]
    np.testing.assert_allclose(ratio, np.where(made.answers.is_treated[both], np.exp(-0.7), 1.0), rtol=1e-6)
    delivered = made.reach.delivered
    assert (delivered[5:, made.customers.in_holdout] == 0).all()
    assert (delivered[:5] >= 1).all()
    assert (delivered[5:, ~made.customers.in_holdout] >= 1).all()


def test_shortfalls_of_other_shifts_are_where_they_belong(company: Company) -> None:
    facts = shift_facts(company)
    shape = company.roster.planned.shape
    shortfall = facts.shortfall.reshape(shape)
    assert facts.next_shortfall.reshape(shape)[0, 3, 5] == shortfall[0, 4, 5]
    assert np.isnan(facts.next_shortfall.reshape(shape)[:, -1]).all()
    assert facts.other_shortfall.reshape(shape)[0, 3, 15] == shortfall[0, 3, 4]
    assert not np.isnan(panel_of(company).columns["total_next_shortfall"]).any()


def test_customers_who_left_do_nothing_more() -> None:
    made = simulate(replace(WORLDS["true"], attrition_share=0.5), 6, 500, 20)
    gone = np.arange(20)[:, None] >= made.customers.leaves_week
    assert 0.3 < (made.customers.leaves_week < 20).mean() < 0.7
    assert set(made.customers.leaves_week.tolist()) == {*range(1, 20), 21}
    assert (made.amounts[gone] == 0).all()
    assert (made.amounts[~gone] != 0).all()
    assert (made.reach.sends[gone] == 0).all()
    assert not gone[made.contacts.week, made.contacts.customer].any()
    assert not gone[made.mentions.week, made.mentions.customer].any()


def two_stage(made: Company) -> tuple[float, float, float]:
    """(estimate, standard error, first-stage F) of beta_R by turns: week, slot and severity dummies, clusters by shift."""
    turns = turns_of(made)
    outcome = made.amounts[turns.week, turns.customer]
    kept = turns.columns["is_incident"] == 0
    levels = [values for name, values in turns.columns.items() if name.startswith("n_severity_")]
    assert turns.slot is not None
    assert turns.shift is not None
    dummies = [turns.week[:, None] == np.unique(turns.week), turns.slot[:, None] == np.unique(turns.slot)[1:]]
    controls = np.column_stack([*dummies, *levels, turns.columns["log_arrivals"]]).astype(float)[kept]
    columns = np.column_stack([outcome, turns.responsiveness, -turns.columns["shortfall"]])[kept]
    y, x, z = (columns - controls @ np.linalg.lstsq(controls, columns, rcond=None)[0]).T
    shift = turns.shift[kept]

    def spread(scores: NDArray[np.float64]) -> float:
        return float((np.bincount(shift, weights=scores) ** 2).sum())

    beta = (z @ y) / (z @ x)
    first = (z @ x) / (z @ z)
    n_shifts = len(np.unique(shift))
    factor = n_shifts / (n_shifts - controls.shape[1])
    se = np.sqrt(factor * spread(z * (y - beta * x))) / abs(z @ x)
    return float(beta), float(se), float(first**2 * (z @ z) ** 2 / (factor * spread(z * (x - first * z))))


def test_the_roster_instrument_covers_the_truth_and_the_naive_estimate_does_not() -> None:
    world = WORLDS["confounded"]
    covered, naive = 0, []
    for seed in range(20):
        made = simulate(world, seed, 2000, 40)
        beta, se, first_f = two_stage(made)
        covered += abs(beta - world.responsiveness_effect) < 1.96 * se
        turns = turns_of(made)
        naive.append(np.polyfit(turns.responsiveness, made.amounts[turns.week, turns.customer], 1)[0])
        assert first_f > 23.1
    # Fewer than 16 of 20 happen to an interval that covers 95 % in 3 of 1,000 tries.
    assert covered >= 16
    assert abs(np.mean(naive)) > 10 * np.std(naive) / np.sqrt(20)


def test_the_broken_instrument_misleads_and_the_weak_one_is_weak() -> None:
    found = [two_stage(simulate(WORLDS["broken_instrument"], seed, 2000, 40)) for seed in range(5)]
    together = sum(beta / se for beta, se, _ in found) / np.sqrt(len(found))
    assert together > 4
    for seed in range(5):
        assert two_stage(simulate(WORLDS["weak_instrument"], seed, 2000, 40))[2] < 10


def test_small_outages_stay_below_the_incident_threshold() -> None:
    made = simulate(replace(WORLDS["broken_instrument"], outage_rate=0.0), 3, 4000, 40)
    assert made.outages.small.sum() > 20
    assert panel_of(made).columns["is_incident"].mean() < 0.001


def test_landmark_effect_of_churn_is_the_truth() -> None:
    world = replace(
        WORLDS["unconfounded"], churn_effect=-0.03, bot_share=0.0, mention_rate=0.01, subscriber_share=1.0, log_wait=-1.0, wait_noise_sd=1.5
    )
    made = simulate(world, 9, 20_000, 30)
    turns = turns_of(made)
    watched = ~np.isnan(turns.columns["churned"])
    slope = stats.linregress(turns.responsiveness[watched], turns.columns["churned"][watched])
    truth = truth_of(made)["churn"]
    assert truth["effect"] == pytest.approx(-0.03 * (1 - truth["ends_anyway_share"]))
    assert 0.05 < truth["ends_anyway_share"] < 0.4
    assert abs(slope.slope - truth["effect"]) < 4 * slope.stderr
    assert abs(slope.slope + 0.03) > 4 * slope.stderr


def test_spans_of_agents_fill_the_plan_to_the_microsecond() -> None:
    # 16 hours and 2 microseconds need three agents; two of them work a microsecond longer.
    shift, place, length, before = agent_spans(np.array([2 * SLOT + 2, 5]))
    third = 2 * SLOT // 3
    assert shift.tolist() == [0, 0, 0, 1]
    assert place.tolist() == [0, 1, 2, 0]
    assert length.tolist() == [third + 1, third + 1, third, 5]
    assert before.tolist() == [0, third + 1, 2 * third + 2, 0]


def at(hour: float) -> int:
    return START + round(hour * HOUR)


def test_priority_queue_by_hand() -> None:
    # One agent from 0 to 8 h, half an hour each. The second is asked first but the third has an hour's head start;
    # the fourth has given up by the time that anybody is free; the last comes too late.
    asked = np.array([at(0), at(0.1), at(0.2), at(0.25), at(9)])
    key = asked - np.array([0, 0, 1, 0, 0]) * HOUR
    gives_up = np.array([at(99), at(99), at(99), at(0.3), at(99)])
    replied = _serve(asked, key, np.full(5, HOUR // 2), gives_up, np.array([START]), np.array([START + SLOT]))
    assert replied.tolist() == [at(0.5), at(1.5), at(1.0), -1, -1]


def test_priority_queue_waits_like_erlang_c() -> None:
    # Erlang (1917): mean wait = P(wait) / (c mu - lambda), for c servers with exponential service.
    servers, rate, load = 3, 1.0, 2.4
    blocked = load**servers / 6 / (1 - load / servers)
    chance = blocked / (sum(load**k / [1, 1, 2][k] for k in range(servers)) + blocked)
    expected = chance / (servers * rate - load)
    random = np.random.default_rng(1)
    n_contacts = 200_000
    asked = START + np.cumsum(random.exponential(HOUR / load, n_contacts)).astype(np.int64)
    handling = random.exponential(HOUR / rate, n_contacts).astype(np.int64)
    forever = np.full(servers, asked[-1] + 10_000 * HOUR)
    replied = _serve(asked, asked, handling, asked + 10_000 * HOUR, np.full(servers, START), forever)
    waits = (replied - asked - handling) / HOUR
    assert waits.min() >= -1e-9
    assert waits.mean() == pytest.approx(expected, rel=0.05)


def test_the_queue_puts_urgent_contacts_first_and_loses_some_in_silence() -> None:
    made = simulate(replace(WORLDS["true"], waits="queue"), 2, 2000, 26)
    answers, contacts = made.answers, made.contacts
    assert np.corrcoef(answers.responsiveness, contacts.untagged_severity)[0, 1] > 0.1
    assert np.corrcoef(answers.responsiveness, made.customers.value[contacts.customer])[0, 1] > 0.02
    assert 0.02 < (~answers.is_human & ~answers.is_bot).mean() < 0.3
    assert same(made.roster, simulate(replace(WORLDS["true"], waits="law"), 2, 2000, 26).roster)


def test_unknown_worlds_and_tiny_companies_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"no world 'nope'.*broken_instrument"):
        world_named("nope")
    for seed, customers, weeks in ((1, 19, 52), (1, 100, 3), (-1, 100, 52)):
        with pytest.raises(ConfigError, match="at least 20 customers"):
            simulate(WORLDS["true"], seed, customers, weeks)
