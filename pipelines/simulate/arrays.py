"""A simulated company as the arrays that estimators read, just as the warehouse computes them from its files."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.claim.sample import NO_SHIFT, Panel, Turns
from pipelines.simulate.calendar import FIRST_MONDAY, HOUR, SLOTS, START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.contacts import SEVERITY_TAGS
from pipelines.simulate.outcomes import ADSTOCK_RATE, CHURN_WEEKS
from pipelines.simulate.reach import adstock

ADSTOCK_RATES = (0.0, 0.3, 0.5, 0.7, 0.9)
INCIDENT_MULTIPLE = 3.0
LEAST_SLOT_MEDIAN = 3.0
OTHER_SLOT_DISTANCE = 10


@dataclass(frozen=True)
class ShiftFacts:
    """What is known of each shift, (queues x weeks x slots,) in order of queue, week and slot.

    Args:
        shortfall, next_shortfall, other_shortfall: ln(planned / actual agent-hours) of the shift, of the same queue and
            slot one week later (NaN in the last week), and of the slot 10 places later in the same week.
        log_arrivals, load: ln arrivals, and ln(arrivals / actual agent-hours); -inf without arrivals.
        is_incident: arrivals above 3 times the slot's median over weeks, the median taken as 3 or more.
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
    with np.errstate(divide="ignore"):
        log_arrivals = np.log(arrivals)
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
    contacts, n_weeks = company.contacts, company.n_weeks
    row = contacts.customer * n_weeks + contacts.week
    n_rows = company.n_customers * n_weeks
    customer = np.repeat(np.arange(company.n_customers), n_weeks)

    def of_contacts(values: Floats) -> Floats:
        column = np.zeros(n_rows)
        column[row] = values
        return column

    shift, slot = np.full(n_rows, NO_SHIFT), np.zeros(n_rows, dtype=np.int64)
    shift[row], slot[row] = contacts.shift, 1 + contacts.queue * SLOTS + contacts.slot
    delivered = company.reach.delivered
    columns = {name: of_contacts(values) for name, values in _contact_columns(company).items()}
    outcome = company.amounts
    return Panel(
        customer=customer,
        brand=company.customers.brand[customer],
        week=np.tile(np.arange(n_weeks), company.n_customers),
        turns=of_contacts(np.ones(len(contacts))),
        responsiveness=of_contacts(company.answers.responsiveness),
        broadcast={rate: _by_customer(np.log1p(adstock(delivered, rate))) for rate in ADSTOCK_RATES},
        broadcast_reach="customer",
        outcome=_by_customer(outcome),
        shift=shift,
        slot=slot,
        columns=columns | _reach_columns(company) | _reply_columns(company),
        first_week=FIRST_MONDAY,
        last_week=FIRST_MONDAY + timedelta(weeks=n_weeks - 1),
    )


def turns_of(company: Company) -> Turns:
    """The turns, in order of customer and week."""
    contacts = company.contacts
    order = np.lexsort((contacts.week, contacts.customer))
    per_turn = _contact_columns(company)
    names = {"shortfall": "total_shortfall", "log_arrivals": "total_log_arrivals", "load": "total_load", "is_incident": "is_incident"}
    columns = {name: per_turn[total][order] for name, total in names.items()}
    columns |= {name: values[order] for name, values in per_turn.items() if name.startswith("n_severity_")}
    columns["churned"] = _churned(company)[order]
    return Turns(
        customer=contacts.customer[order],
        brand=company.customers.brand[contacts.customer[order]],
        week=contacts.week[order],
        shift=contacts.shift[order],
        slot=(1 + contacts.queue * SLOTS + contacts.slot)[order],
        agent=np.where(company.answers.is_human, company.answers.agent, -1)[order],
        responsiveness=company.answers.responsiveness[order],
        columns=columns,
    )


def _by_customer(matrix: np.ndarray) -> Floats:
    """(weeks, customers) as one column in the panel's order."""
    return np.ascontiguousarray(matrix.T, dtype=np.float64).reshape(-1)


def _contact_columns(company: Company) -> dict[str, Floats]:
    """Columns by contact; as there is at most one a week, they are the week's totals too."""
    contacts, answers = company.contacts, company.answers
    facts = shift_facts(company)
    human, bot = answers.is_human, answers.is_bot
    flags = {"n_human_first": human & ~bot, "n_bot_first": bot & ~human, "n_handed_off": bot & human}
    if company.world.trial_share > 0:
        flags |= {"n_trial_turns": answers.in_trial, "n_trial_treated": answers.is_treated}
    return {
        "total_shortfall": facts.shortfall[contacts.shift],
        "total_next_shortfall": facts.next_shortfall[contacts.shift],
        "total_other_shortfall": facts.other_shortfall[contacts.shift],
        "total_log_arrivals": facts.log_arrivals[contacts.shift],
        "total_load": facts.load[contacts.shift],
        "is_incident": facts.is_incident[contacts.shift],
        **_severity_columns(contacts.severity_level),
        **{name: flag.astype(np.float64) for name, flag in flags.items()},
        "total_any_responsiveness": answers.any_responsiveness,
        "total_warmth": _warmth(company),
    }


def _severity_columns(level: Integers) -> dict[str, Floats]:
    """Levels by falling frequency, ties by name, the most frequent left out."""
    counts = np.bincount(level, minlength=len(SEVERITY_TAGS))
    ranked = sorted(np.flatnonzero(counts), key=lambda tag: (-counts[tag], SEVERITY_TAGS[tag]))
    return {f"n_severity_{place}": (level == tag).astype(np.float64) for place, tag in enumerate(ranked[1:], start=1)}


def _warmth(company: Company) -> Floats:
    """(contacts,) mean tone of the replier's replies to other customers, centred; 0 where no human replied."""
    contacts, answers = company.contacts, company.answers
    replied = answers.is_human
    agent, tone = answers.agent[replied], answers.tone[replied].astype(np.float64)
    n_agents = len(company.agents)
    pair = np.unique(contacts.customer[replied] * n_agents + agent, return_inverse=True)[1]
    n_others = np.bincount(agent, minlength=n_agents)[agent] - np.bincount(pair)[pair]
    total_others = np.bincount(agent, weights=tone, minlength=n_agents)[agent] - np.bincount(pair, weights=tone)[pair]
    mean_of_others = np.divide(total_others, n_others, out=np.zeros(len(agent)), where=n_others > 0)
    warmth = np.zeros(len(contacts))
    warmth[replied] = np.where(n_others > 0, mean_of_others - mean_of_others[n_others > 0].mean(), 0.0) if len(agent) else 0.0
    return warmth


def _reach_columns(company: Company) -> dict[str, Floats]:
    """What could reach the customer in the week."""
    reach, followed = company.reach, company.customers.followed
    columns = {
        "targeting_score": _by_customer(reach.score),
        "n_delivered_sends": _by_customer(reach.delivered),
        "n_reachable_posts": _by_customer(reach.posts[:, followed]),
        "log_adstock_posts": _by_customer(np.log1p(adstock(reach.posts, ADSTOCK_RATE))[:, followed]),
        "log_adstock_touches": _by_customer(np.log1p(adstock(reach.touches, ADSTOCK_RATE))),
        "automated_share_low": _by_customer(((reach.scheduled - reach.unknown_scheduled) / reach.posts)[:, followed]),
        "automated_share_high": _by_customer(((reach.scheduled - reach.unknown_scheduled + reach.unknown) / reach.posts)[:, followed]),
    }
    if reach.is_held_out is not None:
        columns["is_holdout"] = _by_customer(reach.is_held_out)
    return columns


def _reply_columns(company: Company) -> dict[str, Floats]:
    """Replies by the week that they were sent in, and mentions by the week of the mention."""
    contacts, answers, mentions = company.contacts, company.answers, company.mentions
    n_rows = company.n_customers * company.n_weeks
    sent_week = (contacts.asked_at + answers.human_wait - START) // WEEK
    counted = answers.is_human & (sent_week < company.n_weeks)
    mention_row = mentions.customer * company.n_weeks + mentions.week
    return {
        "n_human_replies": _counts(contacts.customer[counted] * company.n_weeks + sent_week[counted], n_rows),
        "n_mentions": _counts(mention_row, n_rows),
        "n_mentions_answered": _counts(mention_row[mentions.is_answered], n_rows),
    }


def _counts(rows: Integers, n_rows: int) -> Floats:
    return np.bincount(rows, minlength=n_rows).astype(np.float64)


def _churned(company: Company) -> Floats:
    """(contacts,) 1 where the subscription ended within 13 weeks, NaN where not at risk or not watched."""
    asked = company.contacts.asked_at
    landmark = asked + CHURN_WEEKS * WEEK
    watched = landmark <= START + (company.n_weeks + 1) * WEEK
    churned = company.churn.ended_at[company.contacts.customer] <= landmark
    return np.where(company.churn.is_at_risk & watched, churned.astype(np.float64), np.nan)
