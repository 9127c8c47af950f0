"""A simulated company as the arrays that estimators read, just as the warehouse computes them from its files."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.claim.sample import NO_AGENT, NO_SHIFT, Panel, Turns
from pipelines.simulate.agent_speed import agent_leave_one_out
from pipelines.simulate.calendar import FIRST_MONDAY, HOUR, SLOTS, START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.contacts import SEVERITY_TAGS
from pipelines.simulate.outcomes import ADSTOCK_RATE, CHURN_WEEKS
from pipelines.simulate.reach import adstock
from pipelines.simulate.turns import NOT_TAGGED, TurnList, turn_list

ADSTOCK_RATES = (0.0, 0.3, 0.5, 0.7, 0.9)
INCIDENT_MULTIPLE = 3.0
LEAST_SLOT_MEDIAN = 3.0
OTHER_SLOT_DISTANCE = 10


@dataclass(frozen=True)
class ShiftFacts:
    """What is known of each shift, in the order of the roster's arrays.

    Args:
        shortfall, next_shortfall, other_shortfall: ln(planned / actual agent-hours) of the shift, of the same queue and
            slot one week later (NaN after the last week), and of the slot 10 places later in the same week.
        log_arrivals, load: ln of the tickets created, at least one, and ln(arrivals / actual agent-hours).
        is_incident: arrivals above 3 times the slot's median over all observed weeks, the median taken as 3 or more.
    """

    shortfall: Floats
    next_shortfall: Floats
    other_shortfall: Floats
    log_arrivals: Floats
    load: Floats
    is_incident: Floats


def shift_facts(company: Company) -> ShiftFacts:
    """Facts of all shifts of a company."""
    shortfall = company.roster.shortfall
    arrivals = np.bincount(company.contacts.shift, minlength=shortfall.size).reshape(shortfall.shape)
    following = np.full(shortfall.shape, np.nan)
    following[:, :-1] = shortfall[:, 1:]
    usual = np.maximum(np.median(arrivals, axis=1, keepdims=True), LEAST_SLOT_MEDIAN)
    log_arrivals = np.log(np.maximum(arrivals, 1))
    return ShiftFacts(
        shortfall=shortfall.ravel(),
        next_shortfall=following.ravel(),
        other_shortfall=np.roll(shortfall, -OTHER_SLOT_DISTANCE, axis=2).ravel(),
        log_arrivals=log_arrivals.ravel(),
        load=(log_arrivals - np.log(company.roster.actual / HOUR)).ravel(),
        is_incident=(arrivals > INCIDENT_MULTIPLE * usual).ravel().astype(np.float64),
    )


def panel_of(company: Company) -> Panel:
    """The panel, customer by customer and week by week."""
    n_weeks, n_rows = company.n_weeks, company.n_customers * company.n_weeks
    turns = turn_list(company)
    row = turns.customer * n_weeks + turns.week
    customer = np.repeat(np.arange(company.n_customers), n_weeks)
    totals = {name: _totals(row, values, n_rows) for name, values in _turn_columns(company, turns).items()}
    agent, by_agent = _agent_columns(company, turns, n_rows)
    totals["is_incident"] = np.minimum(totals["is_incident"], 1.0)
    # Codes of the week's first turn: written last.
    late_first = np.argsort(-turns.asked_at, kind="stable")
    shift, slot = np.full(n_rows, NO_SHIFT), np.zeros(n_rows, dtype=np.int64)
    shift[row[late_first]] = turns.shift[late_first]
    slot[row[late_first]] = _slot_codes(turns)[late_first]
    delivered = company.reach.delivered
    return Panel(
        customer=customer,
        brand=company.customers.brand[customer],
        week=np.tile(np.arange(n_weeks), company.n_customers),
        turns=_totals(row, None, n_rows),
        responsiveness=_totals(row, turns.responsiveness, n_rows),
        broadcast={rate: _by_customer(np.log1p(adstock(delivered, rate))) for rate in ADSTOCK_RATES},
        broadcast_reach="customer",
        outcome=_by_customer(company.amounts),
        shift=shift,
        slot=slot,
        columns=totals | by_agent | _reach_columns(company) | _reply_columns(company, turns),
        first_week=FIRST_MONDAY,
        last_week=FIRST_MONDAY + timedelta(weeks=n_weeks - 1),
        agent=agent,
    )


def turns_of(company: Company) -> Turns:
    """The turns, in order of customer and time."""
    turns = turn_list(company)
    order = np.lexsort((turns.asked_at, turns.customer))
    per_turn = _turn_columns(company, turns)
    names = {"shortfall": "total_shortfall", "log_arrivals": "total_log_arrivals", "load": "total_load", "is_incident": "is_incident"}
    columns = {name: per_turn[total][order] for name, total in names.items()}
    columns |= {name: values[order] for name, values in per_turn.items() if name.startswith("n_severity_")}
    columns["churned"] = _churned(company, turns)[order]
    return Turns(
        customer=turns.customer[order],
        brand=company.customers.brand[turns.customer[order]],
        week=turns.week[order],
        shift=turns.shift[order],
        slot=_slot_codes(turns)[order],
        agent=turns.agent[order],
        responsiveness=turns.responsiveness[order],
        columns=columns,
    )


def _slot_codes(turns: TurnList) -> Integers:
    """(turns,) code of queue and slot, from 1."""
    return 1 + turns.queue * SLOTS + turns.slot


def _totals(rows: Integers, values: Floats | None, n_rows: int) -> Floats:
    return np.bincount(rows, weights=values, minlength=n_rows).astype(np.float64)


def _by_customer(matrix: np.ndarray) -> Floats:
    """(weeks, customers) as one column in the panel's order."""
    return np.ascontiguousarray(matrix.T, dtype=np.float64).reshape(-1)


def _turn_columns(company: Company, turns: TurnList) -> dict[str, Floats]:
    """(turns,) what the panel sums over the turns of a week, by the name of the sum."""
    facts = shift_facts(company)
    human, bot = turns.is_human, turns.is_bot
    flags = {"n_human_first": human & ~bot, "n_bot_first": bot & ~human, "n_handed_off": bot & human}
    if company.world.trial_share > 0:
        flags |= {"n_trial_turns": turns.in_trial, "n_trial_treated": turns.is_treated}
    return {
        "total_shortfall": facts.shortfall[turns.shift],
        "total_next_shortfall": facts.next_shortfall[turns.shift],
        "total_other_shortfall": facts.other_shortfall[turns.shift],
        "total_log_arrivals": facts.log_arrivals[turns.shift],
        "total_load": facts.load[turns.shift],
        "is_incident": facts.is_incident[turns.shift],
        **_severity_columns(turns.severity_level),
        **{name: flag.astype(np.float64) for name, flag in flags.items()},
        "total_any_responsiveness": turns.any_responsiveness,
        "total_warmth": turns.warmth,
    }


def _agent_columns(company: Company, turns: TurnList, n_rows: int) -> tuple[Integers | None, dict[str, Floats]]:
    """The agent of the week's first turn that has the leave-one-out instrument, and its sums; nothing where none has."""
    # Nobody had a turn that a bot alone answered.
    ticket = np.flatnonzero((turns.is_human | ~turns.is_bot) & (turns.severity_level != NOT_TAGGED))
    brand = company.customers.brand[turns.customer]
    # Queues of several brands have the same names.
    shift, slot = (
        brand * (turns.shift.max(initial=0) + 1) + turns.shift,
        brand * (_slot_codes(turns).max(initial=0) + 1) + _slot_codes(turns),
    )
    speed = np.full(len(turns), np.nan)
    speed[ticket] = agent_leave_one_out(
        turns.customer[ticket], turns.agent[ticket], shift[ticket], slot[ticket], turns.responsiveness[ticket]
    )  # fmt: skip
    known = np.isfinite(speed)
    if not known.any():
        return None, {}
    row = turns.customer * company.n_weeks + turns.week
    late_first = np.argsort(-turns.asked_at, kind="stable")
    late_first = late_first[known[late_first]]
    agent = np.full(n_rows, NO_AGENT)
    agent[row[late_first]] = turns.agent[late_first]
    return agent, {
        "total_agent_leave_one_out": _totals(row, np.where(known, speed, 0.0), n_rows),
        "n_leave_one_out_turns": _totals(row, known.astype(np.float64), n_rows),
    }


def _severity_columns(level: Integers) -> dict[str, Floats]:
    """Levels by falling frequency, ties by name, the most frequent left out."""
    counts = np.bincount(level[level != NOT_TAGGED], minlength=len(SEVERITY_TAGS))
    ranked = sorted(np.flatnonzero(counts), key=lambda tag: (-counts[tag], SEVERITY_TAGS[tag]))
    return {f"n_severity_{place}": (level == tag).astype(np.float64) for place, tag in enumerate(ranked[1:], start=1)}


def _reach_columns(company: Company) -> dict[str, Floats]:
    """What could reach the customer in the week."""
    reach, followed = company.reach, company.customers.followed
    known = reach.scheduled - reach.unknown_scheduled
    # Touches name no brand, so with several brands they belong to none.
    touches = reach.touches if company.world.n_brands == 1 else np.zeros_like(reach.touches)
    columns = {
        "targeting_score": _by_customer(_recorded_scores(company)),
        "n_delivered_sends": _by_customer(reach.delivered),
        "n_reachable_posts": _by_customer(reach.posts[:, followed]),
        "log_adstock_posts": _by_customer(np.log1p(adstock(reach.posts, ADSTOCK_RATE))[:, followed]),
        "log_adstock_touches": _by_customer(np.log1p(adstock(touches, ADSTOCK_RATE))),
        "automated_share_low": _by_customer((known / reach.posts)[:, followed]),
        "automated_share_high": _by_customer(((known + reach.unknown) / reach.posts)[:, followed]),
    }
    if reach.is_held_out is not None:
        columns["is_holdout"] = _by_customer(reach.is_held_out)
    return columns


def _recorded_scores(company: Company) -> Floats:
    """(weeks, customers) score of the week's sends; nobody writes to those who left, so the last score stays."""
    score, leaves_week = company.reach.score, company.customers.leaves_week
    last_week = np.minimum(np.arange(company.n_weeks)[:, None], leaves_week - 1)
    return np.take_along_axis(score, last_week, axis=0) if company.world.attrition_share > 0 else score


def _reply_columns(company: Company, turns: TurnList) -> dict[str, Floats]:
    """Replies by the week that they were sent in, and mentions by the week of the mention."""
    mentions, n_weeks = company.mentions, company.n_weeks
    n_rows = company.n_customers * n_weeks
    sent_week = (turns.asked_at + turns.human_wait - START) // WEEK
    counted = turns.is_human & (sent_week < n_weeks)
    mention_row = mentions.customer * n_weeks + mentions.week
    return {
        "n_human_replies": _totals(turns.customer[counted] * n_weeks + sent_week[counted], None, n_rows),
        "n_mentions": _totals(mention_row, None, n_rows),
        "n_mentions_answered": _totals(mention_row[mentions.is_answered], None, n_rows),
    }


def _churned(company: Company, turns: TurnList) -> Floats:
    """(turns,) 1 where the subscription ended within 13 weeks, NaN where not at risk or not watched."""
    landmark = turns.asked_at + CHURN_WEEKS * WEEK
    watched = landmark <= START + (company.n_weeks + 1) * WEEK
    churned = company.churn.ended_at[turns.customer] <= landmark
    return np.where(company.churn.is_at_risk & watched, churned.astype(np.float64), np.nan)
