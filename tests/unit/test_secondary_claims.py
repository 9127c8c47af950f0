"""Claims C2 to C7 on panels whose truth is known, against least squares with every effect as a column, and on panels without an answer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy import stats

from pipelines.claim.automation_mix import automation_mix, mixed_weights
from pipelines.claim.designs import DESIGN_NAMES, choose
from pipelines.claim.linear import Floats, codes
from pipelines.claim.offers import design_offers
from pipelines.claim.policy_shift import policy_shift_of
from pipelines.claim.results import Check, EffectEstimate
from pipelines.claim.sample import NO_SHIFT, Panel
from pipelines.claim.secondary import ClaimAnswer, Study
from pipelines.claim.secondary_claims import WarmthFacts, human_over_bot, listening, two_way_over_one_way, warmth
from pipelines.claim.service_first_of_four import service_first_of_four
from pipelines.claim.service_over_broadcast import Question, SampleFacts, Specification
from pipelines.claim.weekly import weekly_percentiles

PRIMARY = Specification(0.5, ("customer", "week"))
QUESTION = Question(
    outcome="revenue", outcome_unit="EUR per customer-week", primary=PRIMARY,
    curve=(PRIMARY, Specification(0.5, ("customer", "week_by_contact"))), same_sign_share=0.8, join_coverage=0.95, horizon_weeks=1,
)  # fmt: skip
FACTS = SampleFacts(n_customers=240, n_tickets=900, n_shifts=0, n_experiment_units=0, n_customer_messages=1000, n_resolved_messages=990)
EFFECTS = {
    "human_replies": 0.30, "messages": 0.02, "human_first": 0.40, "bot_first": 0.10, "handed_off": 0.20, "warmth": 0.50,
    "answered": 0.60, "share": 0.80, "squared": -1.00, "speed": 0.05, "broadcast": 0.03, "posts": 0.07, "touches": 0.09,
}  # fmt: skip
CLAIMS: dict[str, Callable[[Study], ClaimAnswer]] = {
    "C2": two_way_over_one_way,
    "C3": lambda study: automation_mix(study, 0.01),
    "C4": human_over_bot,
    "C5": warmth,
    "C6": listening,
    "C7": service_first_of_four,
}


def panel(seed: int = 0, n_customers: int = 240, n_weeks: int = 16, n_brands: int = 3, noise: float = 0.0, of: str = "C2") -> Panel:
    """A panel with all columns, whose outcome is made of the levers of one claim."""
    rng = np.random.default_rng(seed)
    customer, week = np.nonzero(rng.random((n_customers, n_weeks)) < 0.9)
    brand = customer % n_brands
    n = len(customer)
    first = rng.choice(4, n, p=[0.5, 0.2, 0.2, 0.1])
    asked = rng.random(n) < 0.5
    arms = [(first == arm) & asked for arm in range(3)]
    sends, posts = rng.poisson(1.0, n).astype(float), rng.poisson(2.0, n).astype(float)
    mentions = rng.poisson(0.4, n).astype(float)
    speed = np.where(asked, rng.normal(size=n), 0.0)
    share = rng.beta(1, 1, n)
    share[rng.random(n) < 0.1] = np.nan
    columns = {
        "n_human_replies": rng.poisson(0.7, n).astype(float),
        "n_delivered_sends": sends,
        "n_reachable_posts": posts,
        "log_adstock_posts": np.log1p(posts),
        "log_adstock_touches": np.log1p(rng.poisson(0.5, n)),
        "automated_share_low": 0.9 * share,
        "automated_share_high": share,
        "n_human_first": arms[0].astype(float),
        "n_bot_first": arms[1].astype(float),
        "n_handed_off": arms[2].astype(float),
        "total_any_responsiveness": speed + np.where(arms[1], 2.0, 0.0),
        "total_warmth": np.where(arms[0] | arms[2], rng.normal(0, 0.2, n), 0.0),
        "n_mentions": mentions,
        "n_mentions_answered": rng.binomial(mentions.astype(int), rng.uniform(0.2, 0.9, (n_brands, n_weeks))[brand, week]).astype(float),
        "n_severity_1": (asked & (rng.random(n) < 0.3)).astype(float),
    }
    made = Panel(
        customer=customer, brand=brand, week=week, turns=asked.astype(float), responsiveness=speed,
        broadcast={0.5: np.log1p(sends)}, broadcast_reach="customer", outcome=np.zeros(n), shift=None, slot=None,
        columns=columns, first_week=date(2026, 1, 5), last_week=date(2026, 4, 20),
    )  # fmt: skip
    effects = rng.normal(size=n_customers)[customer] + rng.normal(size=n_weeks)[week] + 0.3 * asked
    return replace(made, outcome=signal(made, of) + effects + noise * rng.normal(size=n))


def signal(p: Panel, claim: str) -> Floats:
    """The part of the outcome that a claim's levers make."""
    c, e = p.columns, EFFECTS
    parts = {
        "C2": e["human_replies"] * c["n_human_replies"] + e["messages"] * (c["n_delivered_sends"] + c["n_reachable_posts"]),
        "C3": e["share"] * np.nan_to_num(c["automated_share_low"]) + e["squared"] * np.nan_to_num(c["automated_share_low"]) ** 2,
        "C4": e["human_first"] * c["n_human_first"] + e["bot_first"] * c["n_bot_first"] + e["handed_off"] * c["n_handed_off"]
        + e["speed"] * c["total_any_responsiveness"],
        "C5": e["warmth"] * c["total_warmth"] + e["speed"] * p.responsiveness,
        "C6": e["answered"] * c["n_mentions_answered"] - 0.1 * c["n_mentions"],
        "C7": e["speed"] * p.responsiveness + e["broadcast"] * p.broadcast[0.5] + e["posts"] * c["log_adstock_posts"]
        + e["touches"] * c["log_adstock_touches"],
    }  # fmt: skip
    return parts[claim]


def study(p: Panel, question: Question = QUESTION) -> Study:
    shift = policy_shift_of(p, 0.5, 5)
    return Study(p, {0.5: shift} if shift else {}, question, choose(p, DESIGN_NAMES), FACTS)


def pick(answer: ClaimAnswer, lever: str, quantity: str, spec: str | None = None, naive: bool = False) -> EffectEstimate:
    (row,) = [
        row for row in answer.estimates
        if row.lever == lever and row.quantity == quantity and row.is_naive == naive and (spec is None or row.spec_id.endswith(spec))
    ]  # fmt: skip
    return row


def primary_delta(answer: ClaimAnswer) -> EffectEstimate:
    (row,) = [row for row in answer.estimates if row.is_primary and row.quantity == "delta"]
    return row


def check(answer: ClaimAnswer, name: str) -> Check:
    (found,) = [each for each in answer.checks if each.check_id.partition("|")[2] == name]
    return found


def value(row: EffectEstimate) -> float:
    assert row.estimate is not None
    return row.estimate


def ends(row: EffectEstimate) -> tuple[float, float]:
    assert row.ci95_lo is not None
    assert row.ci95_hi is not None
    return row.ci95_lo, row.ci95_hi


def by_hand(p: Panel, columns: list[Floats], keep: Floats | None = None) -> tuple[Floats, Floats]:
    """Coefficients of the columns, and their covariance clustered by customer, with a dummy for every effect."""
    rows = np.ones(len(p), dtype=bool) if keep is None else keep.astype(bool)
    # What the shared system always holds: contact, and its recorded severity.
    x = np.column_stack([*columns, p.turns, p.columns["n_severity_1"]])[rows]
    customer, week = codes(p.customer[rows]), codes(p.week[rows])
    design = np.column_stack([x, np.eye(customer.max() + 1)[customer], np.eye(week.max() + 1)[week][:, 1:]])
    found, _, rank, _ = np.linalg.lstsq(design, p.outcome[rows], rcond=None)
    assert rank == design.shape[1]
    bread = np.linalg.inv(design.T @ design)
    scores = design * (p.outcome[rows] - design @ found)[:, None]
    sums = np.array([scores[customer == each].sum(axis=0) for each in range(customer.max() + 1)])
    n_groups = len(sums)
    covariance = n_groups / (n_groups - 1) * bread @ sums.T @ sums @ bread
    k = len(columns)
    return found[:k], covariance[:k, :k]


def told(p: Panel, claim: str) -> tuple[list[Floats], Floats, Floats | None]:
    """Columns of a claim, weights of its delta, and rows in use, written down anew."""
    c = p.columns
    rate, broadcast = p.turns.mean(), p.broadcast[0.5]
    if claim == "C2":
        return [c["n_human_replies"], c["n_delivered_sends"] + c["n_reachable_posts"]], np.array([1.0, -1.0]), None
    if claim == "C4":
        columns = [c["n_human_first"], c["n_bot_first"], c["n_handed_off"], c["total_any_responsiveness"], broadcast]
        return columns, rate * np.array([1.0, -1.0, 0, 0, 0]), None
    if claim == "C5":
        answered = c["n_human_first"] + c["n_handed_off"]
        spread = np.std(c["total_warmth"][answered == 1])
        return [c["total_warmth"], p.responsiveness, broadcast], answered.mean() * spread * np.array([1.0, 0, 0]), None
    coverage = []
    for brand in range(3):
        at = [(p.brand == brand) & (p.week == week) for week in range(16)]
        sums = [(c["n_mentions_answered"][each].sum(), c["n_mentions"][each].sum()) for each in at]
        shares = [a / m for a, m in sums if m >= 5]
        coverage.append((np.subtract(*np.percentile(shares, [75, 25])), (p.brand == brand).sum()))
    spread = np.average([each for each, _ in coverage], weights=[size for _, size in coverage])
    columns = [c["n_mentions_answered"], c["n_mentions"], broadcast]
    return columns, c["n_mentions"].mean() * spread * np.array([1.0, 0, 0]), None


# The truth is found.


@pytest.mark.parametrize("claim", ["C2", "C4", "C5", "C6"])
def test_a_contrast_is_that_of_least_squares_with_every_effect_as_a_column(claim: str) -> None:
    p = panel(1, n_customers=60, noise=0.5, of=claim)
    answer = CLAIMS[claim](study(p))
    columns, weights, _ = told(p, claim)
    coefficients, covariance = by_hand(p, columns)
    delta = primary_delta(answer)
    assert value(delta) == pytest.approx(weights @ coefficients, rel=1e-8)
    assert delta.se == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-8)
    assert delta.p_claim == delta.p
    assert (delta.n_clusters_1, delta.df) == (60, 59)


@pytest.mark.parametrize(
    ("claim", "lever", "effect"),
    [
        ("C2", "human_reply", EFFECTS["human_replies"]),
        ("C2", "post", EFFECTS["messages"]),
        ("C4", "human_over_bot", EFFECTS["human_first"] - EFFECTS["bot_first"]),
        ("C4", "human_over_hand_off", EFFECTS["human_first"] - EFFECTS["handed_off"]),
        ("C6", "mention_answered", EFFECTS["answered"]),
    ],
)
def test_without_noise_an_effect_is_found_exactly(claim: str, lever: str, effect: float) -> None:
    answer = CLAIMS[claim](study(panel(2, of=claim)))
    assert value(pick(answer, lever, "theta" if claim == "C2" else "effect")) == pytest.approx(effect, abs=1e-9)


def test_where_every_turn_is_answered_the_arms_say_it_all_and_the_number_of_turns_falls_away() -> None:
    p = panel(2, of="C4")
    c = p.columns
    answered = c["n_human_first"] + c["n_bot_first"] + c["n_handed_off"]
    answer = human_over_bot(study(replace(p, turns=answered, outcome=p.outcome - 0.3 * p.turns)))
    assert value(pick(answer, "human_over_bot", "effect")) == pytest.approx(EFFECTS["human_first"] - EFFECTS["bot_first"], abs=1e-9)


def test_without_noise_warmth_is_told_per_standard_deviation_over_turns() -> None:
    p = panel(2, of="C5")
    row = pick(warmth(study(p)), "warmth", "effect")
    answered = p.columns["n_human_first"] + p.columns["n_handed_off"] > 0
    assert value(row) == pytest.approx(EFFECTS["warmth"] * np.std(p.columns["total_warmth"][answered]), abs=1e-9)


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim != "C7"])
def test_with_noise_intervals_hold_the_truth_about_as_often_as_they_say(claim: str) -> None:
    covered = 0
    for seed in range(20):
        p = panel(100 + seed, n_customers=90, noise=1.0, of=claim)
        row = truth_row(CLAIMS[claim](study(p, replace(QUESTION, curve=(PRIMARY,)))), claim)
        mixed = float(mixed_weights((0.2, 0.8)) @ [EFFECTS["share"], EFFECTS["squared"]])
        truth = {"C2": 0.28, "C3": mixed, "C4": 0.30, "C5": EFFECTS["warmth"] * (row.scale_p75 or 0.0), "C6": 0.60}[claim]
        lo, hi = ends(row)
        covered += lo <= truth <= hi
    # 19 expected; fewer than 15 of 20 happens three times in 10 000 if coverage is 95 %.
    assert covered >= 15


def truth_row(answer: ClaimAnswer, claim: str) -> EffectEstimate:
    """The row whose truth is a product of constants."""
    if claim == "C3":
        return pick(answer, "contrast", "delta", "organic")
    lever = {"C2": "contrast", "C4": "human_over_bot", "C5": "warmth", "C6": "mention_answered"}[claim]
    return pick(answer, lever, "delta" if claim == "C2" else "effect")


# C3.


def test_the_mixed_range_is_an_average_of_the_curve() -> None:
    shares = 0.2 + 0.6 * (np.arange(100_000) + 0.5) / 100_000
    assert mixed_weights((0.2, 0.8)) == pytest.approx([shares.mean(), (shares**2).mean()], abs=1e-9)


def test_without_noise_the_curve_and_its_peak_are_found() -> None:
    p = panel(3, of="C3")
    answer = automation_mix(study(p), 0.01)
    organic = "unknown programs as organic"
    assert value(pick(answer, "contrast", "delta", organic)) == pytest.approx(0.5 * 0.8 - 0.28, abs=1e-9)
    assert value(pick(answer, "full_automation", "effect", organic)) == pytest.approx(0.5 * 0.8 - 0.28 + 0.2, abs=1e-9)
    assert value(pick(answer, "optimum", "peak", organic)) == pytest.approx(0.4, abs=1e-9)


def test_weeks_without_posts_are_left_out() -> None:
    p = panel(3, n_customers=60, noise=0.3, of="C3")
    answer = automation_mix(study(p), 0.01)
    share = p.columns["automated_share_low"]
    known = np.isfinite(share)
    columns = [np.nan_to_num(share), np.nan_to_num(share) ** 2, p.responsiveness, p.columns["log_adstock_posts"], p.broadcast[0.5]]
    coefficients, covariance = by_hand(p, columns, known)
    weights = np.array([*mixed_weights((0.2, 0.8)) - 1, 0, 0, 0])
    row = pick(answer, "full_automation", "effect", "organic")
    assert row.n_obs == known.sum()
    assert value(row) == pytest.approx(weights @ coefficients, rel=1e-8)
    assert row.se == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-8)


def test_the_deciding_rows_hold_under_both_readings_of_unknown_programs() -> None:
    p = panel(4, noise=0.5, of="C3")
    # Read as scheduled, the share is far from the one that makes the outcome.
    p.columns["automated_share_high"] = np.where(np.random.default_rng(0).random(len(p)) < 0.5, 1.0, p.columns["automated_share_high"])
    p.columns["automated_share_high"][~np.isfinite(p.columns["automated_share_low"])] = np.nan
    answer = automation_mix(study(p), 0.01)
    for lever, quantity in (("contrast", "delta"), ("full_automation", "effect")):
        rows = [pick(answer, lever, quantity, reading) for reading in ("as organic", "as scheduled")]
        (decides,) = [row for row in answer.estimates if row.is_primary and row.lever == lever]
        assert value(decides) == min(value(row) for row in rows)
        assert decides.ci95_lo == min(row.ci95_lo or 0 for row in rows)
        assert decides.ci95_hi == max(row.ci95_hi or 0 for row in rows)
        assert rows[0].estimate != rows[1].estimate


@pytest.mark.parametrize(
    ("linear", "square", "says"),
    [(0.8, -1.0, "claim"), (0.8, 1.0, "opposite"), (-1.0, 1.0, "opposite"), (0.0, 0.0, "neither"), (-1.0, 0.0, "neither")],
    ids=["a peak", "the more the better", "a trough", "flat", "the less the better"],
)
def test_the_p_value_of_the_mix_is_that_of_all_its_parts_at_once(linear: float, square: float, says: str) -> None:
    p = panel(5, noise=0.4, of="C5")
    share = np.nan_to_num(p.columns["automated_share_high"])
    p.columns["automated_share_low"] = p.columns["automated_share_high"]
    margin = 0.05 if says != "neither" or linear == 0 else -0.5 * linear
    answer = automation_mix(study(replace(p, outcome=p.outcome + linear * share + square * share**2)), margin)
    delta = primary_delta(answer)
    (full,) = [row for row in answer.estimates if row.is_primary and row.lever == "full_automation"]
    (delta_lo, delta_hi), (full_lo, full_hi) = ends(delta), ends(full)
    is_claim = delta_lo > -margin and full_lo > 0
    is_opposite = delta_hi < -margin or full_hi < 0
    assert (is_claim, is_opposite) == (says == "claim", says == "opposite")
    assert delta.p_claim is not None
    assert (delta.p_claim < 0.05) == (says != "neither")


@pytest.mark.parametrize(("base", "width"), [(0.3, 0.6), (0.05, 0.6)], ids=["never organic", "never automated"])
def test_shares_that_never_reach_an_end_of_the_mix_tell_nothing_of_what_lies_beyond(base: float, width: float) -> None:
    p = panel(5, of="C3")
    for name in ("automated_share_low", "automated_share_high"):
        p.columns[name] = base + width * p.columns[name]
    assert "would have to be guessed" in check(automation_mix(study(p), 0.01), "computable").detail


def test_an_inverted_u_is_told_from_a_straight_line() -> None:
    curved = automation_mix(study(panel(6, noise=0.3, of="C3")), 0.01)
    assert check(curved, "inverted_u|unknown programs as organic").passed
    straight = panel(6, noise=0.3, of="C5")
    share = np.nan_to_num(straight.columns["automated_share_low"])
    rising = automation_mix(study(replace(straight, outcome=straight.outcome + share)), 0.01)
    assert not check(rising, "inverted_u|unknown programs as organic").passed
    assert not check(rising, "inverted_u|unknown programs as organic").blocking


# C7.


def test_without_much_noise_the_four_levers_are_ranked() -> None:
    p = panel(7, noise=1e-6, of="C7")
    answer = service_first_of_four(study(p))
    found = {name: pick(answer, name, "theta") for name in ("service", "marketing", "communications", "sales")}
    betas = {"service": "speed", "marketing": "broadcast", "communications": "posts", "sales": "touches"}
    for name, row in found.items():
        assert row.scale_p25 is not None
        assert row.scale_p75 is not None
        carried = (row.scale_p75 - row.scale_p25) * (p.turns.mean() if name == "service" else 1.0)
        assert value(row) == pytest.approx(EFFECTS[betas[name]] * carried, rel=1e-3)
    thetas = {name: value(row) for name, row in found.items()}
    best_other = max(theta for name, theta in thetas.items() if name != "service")
    assert value(primary_delta(answer)) == pytest.approx(thetas["service"] - best_other)
    assert value(pick(answer, "sales_over_others", "effect")) == pytest.approx(
        thetas["sales"] - max(theta for name, theta in thetas.items() if name != "sales")
    )


def test_simultaneous_bounds_are_wider_than_the_plain_ones_and_narrower_than_bonferroni() -> None:
    answer = service_first_of_four(study(panel(8, noise=0.5, of="C7")))
    delta = primary_delta(answer)
    assert delta.se is not None
    assert delta.ci95_lo is not None
    assert delta.df is not None
    reach = (value(delta) - delta.ci95_lo) / delta.se
    assert reach > stats.t.ppf(0.95, delta.df) * 0.999
    # Against the closest rival, or a less precise one further off.
    assert value(delta) - delta.ci95_lo <= stats.t.ppf(1 - 0.05 / 3, delta.df) * max_se(answer) + 1e-12
    assert delta.p_claim is None


def test_a_service_that_does_good_but_less_than_another_has_the_other_s_sign() -> None:
    p = panel(8, noise=0.1, of="C7")
    # Between customers, posts go with bad outcomes: without their effects service is first, and only then.
    posts = p.columns["log_adstock_posts"]
    usual = (np.bincount(p.customer, weights=posts) / np.bincount(p.customer))[p.customer]
    pooled = replace(QUESTION, curve=(PRIMARY, Specification(0.5, ("week",))))
    strong = replace(p, outcome=p.outcome + 0.5 * p.responsiveness + 2 * posts - 40 * usual)
    answer = service_first_of_four(study(strong, pooled))
    assert value(pick(answer, "service", "theta")) > 0
    assert value(primary_delta(answer)) < 0
    assert check(answer, "same_sign_share").value == 0.5


def max_se(answer: ClaimAnswer) -> float:
    """Above the standard error of every difference."""
    ses = [pick(answer, name, "theta").se or 0.0 for name in ("service", "marketing", "communications", "sales")]
    return 2 * max(ses)


def test_a_lever_known_by_brand_and_week_only_is_graded_d() -> None:
    p = panel(9, noise=0.5, of="C7")
    by_week = np.random.default_rng(0).uniform(0, 2, (3, 16))[p.brand, p.week]
    p.columns["log_adstock_posts"] = by_week
    assert primary_delta(service_first_of_four(study(panel(9, noise=0.5, of="C7")))).evidence_grade_b == "C"
    assert primary_delta(service_first_of_four(study(p))).evidence_grade_b == "D"


def test_levers_that_are_not_recorded_are_named() -> None:
    p = panel(9, of="C7")
    del p.columns["log_adstock_touches"]
    p.columns["log_adstock_posts"][:] = 0.0
    detail = check(service_first_of_four(study(p)), "computable").detail
    assert "communications" in detail
    assert "sales" in detail
    assert "marketing" not in detail


def test_marketing_is_adstocked_sends_where_the_broadcast_lever_is_something_else() -> None:
    p = panel(10, noise=1e-6, of="C7")
    sends = np.zeros((240, 16))
    sends[p.customer, p.week] = p.columns["n_delivered_sends"]
    stock = np.zeros((240, 17))
    for week in range(16):
        stock[:, week + 1] = 0.5 * stock[:, week] + sends[:, week]
    lever = np.log1p(stock[:, 1:][p.customer, p.week])
    p = replace(p, outcome=p.outcome + 0.5 * lever - EFFECTS["broadcast"] * p.broadcast[0.5])
    answer = service_first_of_four(replace(study(p), broadcast_measure="sends_and_posts"))
    row = pick(answer, "marketing", "theta")
    assert row.scale_p25 is not None
    assert row.scale_p75 is not None
    assert value(row) == pytest.approx(0.5 * (row.scale_p75 - row.scale_p25), rel=1e-3)


# Designs, gates and grades.


def with_slots(p: Panel, roster: bool = True, seed: int = 0) -> Panel:
    """Queue slots and, with a roster, shortfalls by shift that slow replies down."""
    rng = np.random.default_rng(seed)
    slot = np.where(p.turns > 0, 1 + rng.integers(0, 5, len(p)), 0)
    shift = np.where(p.turns > 0, p.week * 6 + slot, NO_SHIFT)
    if not roster:
        return replace(p, slot=slot, shift=shift)
    shortfall = rng.normal(0, 0.5, shift.max() + 1)[shift]
    arrivals = rng.normal(3, 0.3, shift.max() + 1)[shift]
    asked = p.turns > 0
    columns = p.columns | {"total_shortfall": np.where(asked, shortfall, 0.0), "total_log_arrivals": np.where(asked, arrivals, 0.0)}
    columns["n_human_replies"] = columns["n_human_replies"] - np.where(asked, 2 * shortfall, 0.0)
    columns["total_any_responsiveness"] = columns["total_any_responsiveness"] - np.where(asked, shortfall, 0.0)
    return replace(p, slot=slot, shift=shift, columns=columns, responsiveness=p.responsiveness - np.where(asked, shortfall, 0.0))


def test_replies_are_instrumented_by_the_roster_where_their_number_is_confounded() -> None:
    p = with_slots(panel(11, n_customers=400))
    unseen = np.random.default_rng(1).normal(size=len(p)) * (p.turns > 0)
    replies = p.columns["n_human_replies"] + unseen
    p = replace(p, columns=p.columns | {"n_human_replies": replies})
    messages = p.columns["n_delivered_sends"] + p.columns["n_reachable_posts"]
    noise = np.random.default_rng(2).normal(0, 0.2, len(p))
    p = replace(p, outcome=0.30 * replies + 0.02 * messages - unseen + noise)
    answer = two_way_over_one_way(study(p))
    delta = primary_delta(answer)
    assert check(answer, "strength").passed
    assert delta.evidence_grade_r == "C"
    assert "number and speed together" in delta.design
    assert delta.se is not None
    assert abs(value(delta) - 0.28) < 3.5 * delta.se
    assert abs(value(pick(answer, "contrast", "delta", naive=True)) - 0.28) > 0.1
    assert {each.gate_code for each in answer.checks} >= {"G1", "G2", "G3", "G7", "G9"}


def test_a_roster_that_does_not_move_replies_is_a_weak_instrument() -> None:
    p = with_slots(panel(11, noise=0.3))
    p.columns["n_human_replies"] = np.random.default_rng(3).poisson(0.7, len(p)).astype(float)
    found = check(two_way_over_one_way(study(p)), "strength")
    assert found.blocking
    assert not found.passed
    assert found.value is not None
    assert found.value < 23.1


def test_warmth_is_as_good_as_random_only_where_severity_does_not_go_with_it() -> None:
    p = with_slots(panel(12, n_customers=400, noise=0.3, of="C5"), roster=False)
    balanced = warmth(study(p))
    assert primary_delta(balanced).evidence_grade_r == "B"
    assert check(balanced, "instrument_balance").passed
    severe = p.columns["n_severity_1"] * (p.columns["total_warmth"] != 0)
    unbalanced = warmth(study(replace(p, columns=p.columns | {"total_warmth": p.columns["total_warmth"] - 0.3 * severe})))
    assert primary_delta(unbalanced).evidence_grade_r == "C"
    assert primary_delta(unbalanced).design == "adjusted within-customer"
    assert not check(unbalanced, "instrument_balance").passed


@pytest.mark.parametrize("missing", ["slots", "severity"])
def test_warmth_is_at_most_adjusted_without_slots_or_severity(missing: str) -> None:
    p = with_slots(panel(12, noise=0.3, of="C5"), roster=False)
    if missing == "slots":
        p = replace(p, slot=None, shift=None)
    else:
        del p.columns["n_severity_1"]
    assert primary_delta(warmth(study(p))).evidence_grade_r == "C"


def test_a_warmth_that_follows_what_customers_did_before_fails_the_placebo() -> None:
    p = with_slots(panel(13, n_customers=400, noise=1.0, of="C5"), roster=False)
    before = np.zeros((400, 18))
    before[p.customer, p.week + 2] = p.outcome
    told = p.columns["total_warmth"] + 0.2 * before[p.customer, p.week] * (p.columns["total_warmth"] != 0)
    found = check(warmth(study(replace(p, columns=p.columns | {"total_warmth": told}))), "lagged_outcome")
    assert found.blocking
    assert not found.passed


def test_the_scorer_and_what_it_could_not_read_are_on_record() -> None:
    found = check(warmth(study(panel(12, of="C5")), WarmthFacts("warmth-1", 80, 20)), "scored_replies")
    assert (found.value, found.passed, found.blocking) == (0.8, True, False)
    assert "warmth-1: 80 replies scored, 20 not" in found.detail


def test_a_sign_that_hangs_on_the_effects_is_fragile() -> None:
    p = panel(14, noise=0.1, of="C6")
    assert check(listening(study(p)), "same_sign_share").passed
    # Customers who are answered more often stay away more, whatever a single answer does.
    answered = p.columns["n_mentions_answered"]
    usual = (np.bincount(p.customer, weights=answered) / np.bincount(p.customer))[p.customer]
    pooled = replace(QUESTION, curve=(PRIMARY, Specification(0.5, ("week",))))
    found = check(listening(study(replace(p, outcome=p.outcome - 30 * usual), pooled)), "same_sign_share")
    assert (found.value, found.passed, found.blocking, found.gate_code) == (0.5, False, True, "G7")


def test_designs_considered_say_what_is_used_and_what_to_record() -> None:
    p = panel(15, noise=0.3, of="C4")
    s = study(p)
    offers = design_offers("C4", s.choice, human_over_bot(s).estimates)
    assert [(each.position, each.design, each.is_used) for each in offers] == [
        (1, "experiment", False), (2, "outage", False), (3, "adjusted", True),
    ]  # fmt: skip
    assert all(each.to_record for each in offers if not each.is_offered)
    slotted = study(with_slots(panel(12, n_customers=400, noise=0.3, of="C5"), roster=False))
    used = [each.design for each in design_offers("C5", slotted.choice, warmth(slotted).estimates) if each.is_used]
    assert used == ["agent"]
    nothing = design_offers("C4", s.choice, [])
    assert not any(each.is_used for each in nothing)
    levers = {each.lever for each in design_offers("C7", s.choice, service_first_of_four(s).estimates)}
    assert levers == {"service", "marketing", "communications", "sales"}


# Nothing to tell.


def without(*names: str) -> Callable[[Panel], Panel]:
    return lambda p: replace(p, columns={name: values for name, values in p.columns.items() if name not in names})


def still(name: str, level: float) -> Callable[[Panel], Panel]:
    return lambda p: replace(p, columns=p.columns | {name: np.full(len(p), level)})


LEVER_COLUMN = {
    "C2": "n_human_replies", "C3": "automated_share_low", "C4": "n_bot_first", "C5": "total_warmth", "C6": "n_mentions_answered",
    "C7": "log_adstock_posts",
}  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda p, name: without(name)(p), id="not recorded"),
        pytest.param(lambda p, name: still(name, 0.0)(p), id="none of the kind"),
        pytest.param(lambda p, name: still(name, 0.5)(p), id="constant"),
        pytest.param(lambda p, _: p.rows(p.customer == 0), id="one customer"),
        pytest.param(lambda p, _: p.rows(p.week == 3), id="one week"),
        pytest.param(lambda p, _: p.rows(np.zeros(len(p), dtype=bool)), id="no rows"),
    ],
)
def test_a_sample_that_can_tell_nothing_gives_a_reason(claim: str, spoil: Callable[[Panel, str], Panel]) -> None:
    answer = CLAIMS[claim](study(spoil(panel(16, n_customers=60, noise=0.3, of=claim), LEVER_COLUMN[claim])))
    (only,) = answer.estimates
    assert (only.estimate, only.se, only.is_primary, only.quantity) == (None, None, True, "delta")
    found = check(answer, "computable")
    assert found.blocking
    assert not found.passed
    assert found.detail


@pytest.mark.parametrize("claim", CLAIMS)
def test_one_brand_is_enough(claim: str) -> None:
    answer = CLAIMS[claim](study(panel(17, n_customers=80, n_brands=1, noise=0.5, of=claim)))
    assert check(answer, "computable").passed
    assert np.isfinite(value(primary_delta(answer)))


def test_levers_that_move_as_one_are_not_told_apart() -> None:
    p = panel(18, noise=0.3, of="C7")
    p.columns["log_adstock_touches"] = 2 * p.columns["log_adstock_posts"]
    assert "does not vary apart" in check(service_first_of_four(study(p)), "computable").detail


def test_bots_alone_that_answer_everything_leave_no_human_to_compare_with() -> None:
    p = panel(18, of="C4")
    answer = human_over_bot(study(still("n_human_first", 0.0)(p)))
    assert check(answer, "computable").detail == "the data hold no turns first answered by a human"


def test_coverage_without_a_week_with_mentions_enough_has_no_percentiles() -> None:
    p = panel(18, of="C6")
    answer = listening(replace(study(p), least_per_week=10_000))
    assert "no brand has a week with 10000 mentions" in check(answer, "computable").detail


def test_unknown_customers_block_every_claim() -> None:
    p = panel(19, noise=0.3, of="C6")
    poor = replace(study(p), facts=replace(FACTS, n_resolved_messages=500))
    found = check(listening(poor), "join_coverage")
    assert (found.passed, found.blocking, found.gate_code) == (False, True, "G9")


def test_percentiles_are_those_of_numpy_within_brands_weighted_by_customer_weeks() -> None:
    p = panel(20)
    ends = weekly_percentiles(p, p.columns["n_mentions_answered"], p.columns["n_mentions"], p.columns["n_mentions"], 5)
    _, weights, _ = told(p, "C6")
    assert ends is not None
    assert (ends[1] - ends[0]) * p.columns["n_mentions"].mean() == pytest.approx(weights[0])


def test_estimates_and_checks_have_identifiers_of_their_own() -> None:
    for claim, estimate in CLAIMS.items():
        answer = estimate(study(with_slots(panel(21, noise=0.5, of=claim))))
        for ids in ([row.estimate_id for row in answer.estimates], [each.check_id for each in answer.checks]):
            assert len(ids) == len(set(ids))
            assert all(each.startswith(f"{claim}|") for each in ids)
        assert sum(row.is_naive and row.quantity == "delta" for row in answer.estimates) == 1
        assert sum(row.is_primary and row.quantity == "delta" for row in answer.estimates) == 1
