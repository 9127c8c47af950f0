"""What is true of a simulated company, in the units of the claims' estimands."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.claim.linear import Floats
from pipelines.simulate.answers import CAP, capped_responsiveness, service_level_week, trial_start_week
from pipelines.simulate.calendar import START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.outcomes import ADSTOCK_RATE, CHURN_WEEKS
from pipelines.simulate.reach import adstock
from pipelines.simulate.turns import turn_list

MIN_TURNS = 5
UNANSWERED = float(capped_responsiveness(np.array([CAP]))[0])
OUTCOME_UNIT = "EUR per customer-week"


def truth_of(company: Company) -> dict[str, Any]:
    """Every true effect, its unit, and the realised percentiles that carry coefficients over to policy shifts."""
    world = company.world
    shift = policy_shift_of(company)
    turns = turn_list(company)
    contact_rate = len(turns) / (company.n_customers * company.n_weeks)
    theta_r = world.responsiveness_effect * contact_rate * (shift["responsiveness_p75"] - shift["responsiveness_p25"])
    theta_b = world.broadcast_effect * (shift["broadcast_p75"] - shift["broadcast_p25"])
    return {
        "world": world.name,
        "seed": company.seed,
        "n_customers": company.n_customers,
        "n_weeks": company.n_weeks,
        "waits": world.waits,
        "outcome_unit": OUTCOME_UNIT,
        "smallest_effect_of_interest": world.sesoi,
        "beta_r": world.responsiveness_effect,
        "beta_b": world.broadcast_effect,
        "contact_rate": contact_rate,
        **shift,
        "theta_r": theta_r,
        "theta_b": theta_b,
        "delta": theta_r - theta_b,
        "claims": _claims(company, theta_r, theta_b, theta_r - theta_b),
        "churn": _churn(company),
        "staggered": _staggered(company, contact_rate),
        "experiments_start_week": trial_start_week(world, company.n_weeks) if world.trial_share or world.holdout_share else None,
        "is_instrument_valid": world.small_outage_rate == 0,
        "naive": _naive(company),
    }


def write_truth(company: Company, path: Path) -> None:
    """Write `truth.json`."""
    path.write_text(json.dumps(truth_of(company), indent=1) + "\n")


def policy_shift_of(company: Company) -> dict[str, float]:
    """Percentiles 25 and 75 of each lever's weekly means, within brand, then averaged by customer-weeks."""
    turns, brand, world = turn_list(company), company.customers.brand, company.world
    lever = np.log1p(adstock(company.reach.delivered, ADSTOCK_RATE))
    size = (company.n_weeks, world.n_brands)
    cell = turns.week * world.n_brands + brand[turns.customer]
    n_turns = np.bincount(cell, minlength=size[0] * size[1]).reshape(size)
    total = np.bincount(cell, weights=turns.responsiveness, minlength=size[0] * size[1]).reshape(size)
    weights, found = [], []
    for code in range(world.n_brands):
        used = n_turns[:, code] >= MIN_TURNS
        if used.any():
            weekly_r = total[used, code] / n_turns[used, code]
            weekly_b = lever[np.ix_(used, brand == code)].mean(axis=1)
            weights.append((brand == code).sum())
            found.append([*np.percentile(weekly_r, [25, 75]), *np.percentile(weekly_b, [25, 75])])
    names = ("responsiveness_p25", "responsiveness_p75", "broadcast_p25", "broadcast_p75")
    averaged = np.average(found, axis=0, weights=weights) if found else np.full(len(names), np.nan)
    return {name: float(value) for name, value in zip(names, averaged, strict=True)}


def _spread_of_weeks(matrix: Floats) -> float:
    """P75 less P25 of the weekly means of a (weeks, customers) lever."""
    p25, p75 = np.percentile(matrix.mean(axis=1), [25, 75])
    return float(p75 - p25)


def _claims(company: Company, theta_r: float, theta_b: float, delta: float) -> dict[str, Any]:
    world, reach, followed = company.world, company.reach, company.customers.followed
    posts_felt = np.log1p(adstock(reach.posts, ADSTOCK_RATE))[:, followed]
    touches_felt = np.log1p(adstock(reach.touches, ADSTOCK_RATE))
    peak = world.automation_linear / (2 * world.automation_square) if world.automation_square else None
    return {
        "C1": {"effect": delta, "unit": OUTCOME_UNIT, "theta_r": theta_r, "theta_b": theta_b},
        "C2": _two_way(company),
        "C3": {
            "unit": "EUR per customer-week; y = linear x share - square x share^2",
            "linear": world.automation_linear,
            "square": world.automation_square,
            "optimum_share": peak,
            "full_automation": world.automation_linear - world.automation_square,
        },
        "C4": _human_first(company),
        "C5": {"effect": world.warmth_effect, "unit": "EUR per standard deviation over agents of warmth, per answered turn"},
        "C6": _listening(company),
        "C7": {
            "unit": OUTCOME_UNIT,
            "service": theta_r,
            "marketing": theta_b,
            "communications": world.posts_effect * _spread_of_weeks(posts_felt),
            "sales": world.touches_effect * _spread_of_weeks(touches_felt),
        },
    }


def _two_way(company: Company) -> dict[str, Any]:
    """One turn more that is answered, at the mean speed of answered ones, against one send more, in its week."""
    turns, world = turn_list(company), company.world
    reply = world.responsiveness_effect * (turns.responsiveness[turns.is_human].mean() - UNANSWERED)
    send = world.broadcast_effect * (1 / (1 + adstock(company.reach.delivered, ADSTOCK_RATE))).mean()
    return {"effect": float(reply - send), "unit": "EUR per message", "one_reply": float(reply), "one_send": float(send)}


def _human_first(company: Company) -> dict[str, Any]:
    """The premium holds the human reply's time fixed; a bot's answer does not stop that clock."""
    answers, world = company.answers, company.world
    handed_off = answers.is_bot & answers.is_human
    bot_alone = answers.is_bot & ~answers.is_human

    def at_equal_first_answer(arm: np.ndarray) -> float | None:
        lost = answers.any_responsiveness - answers.responsiveness
        return float(world.human_first_premium + world.responsiveness_effect * lost[arm].mean()) if arm.any() else None

    return {
        "effect": world.human_first_premium,
        "unit": "EUR per turn first answered by a human, the human reply's time held fixed",
        "against_bot_alone_at_equal_first_answer_time": at_equal_first_answer(bot_alone),
        "against_hand_off_at_equal_first_answer_time": at_equal_first_answer(handed_off),
    }


def _listening(company: Company) -> dict[str, Any]:
    """An answered mention, at the usual speed of answers, against one never answered, which counts as the cap."""
    world, mentions = company.world, company.mentions
    gained = mentions.responsiveness[mentions.is_answered].mean() - UNANSWERED if mentions.is_answered.any() else 0.0
    return {
        "effect": float(world.mention_answered_effect + world.responsiveness_effect * gained),
        "at_equal_responsiveness": world.mention_answered_effect,
        "unit": "EUR per mention answered within 72 hours, against never",
    }


def _churn(company: Company) -> dict[str, Any]:
    """The landmark's effect is diluted where another turn ends the subscription in the window anyway."""
    watched = turn_list(company).asked_at + CHURN_WEEKS * WEEK <= START + (company.n_weeks + 1) * WEEK
    used = company.churn.is_at_risk & watched
    others = float(company.churn.would_end_anyway[used].mean()) if used.any() else 0.0
    return {
        "effect": company.world.churn_effect * (1 - others),
        "unit": "probability per halving that a subscriber who asks leaves within 13 weeks",
        "own_effect": company.world.churn_effect,
        "ends_anyway_share": others,
    }


def _staggered(company: Company, contact_rate: float) -> dict[str, Any] | None:
    world = company.world
    if world.n_brands == 1:
        return None
    first_weeks = service_level_week(world, company.n_weeks)
    return {
        "first_week_by_brand": {f"b{code + 1}": int(week) if week < company.n_weeks else None for code, week in enumerate(first_weeks)},
        "effect_before": 0.0,
        "effect_at_each_week_since": world.responsiveness_effect * world.service_level_gain * contact_rate,
        "unit": "EUR per customer-week; reply-time caps and floors may take some of the gain",
    }


def _naive(company: Company) -> dict[str, str]:
    world = company.world
    notes = {}
    if world.urgency_of_tagged or world.urgency_of_untagged:
        notes["responsiveness"] = "urgent contacts are answered faster and do worse: naive beta_R is too low"
    if world.targeting_by_demand or world.targeting_by_score:
        notes["broadcast"] = "campaigns follow demand and score, which pay anyway: naive beta_B is too high"
    if world.outage_rate:
        notes["load"] = "outages make queues long and customers poor: the load instrument's beta_R is too high"
    if world.small_outage_rate:
        notes["roster"] = "the roster is cut because of outages: the roster instrument's beta_R is too high"
    return notes
