"""Canonical CRM and shared tables of a simulated company."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipelines.simulate.answers import trial_start_week
from pipelines.simulate.calendar import DAY, FIRST_MONDAY, HOUR, START, WEEK
from pipelines.simulate.company import Company
from pipelines.simulate.frames import CURRENCY, brand_ids, ids, instants, masked, observed_until, picked
from pipelines.simulate.outcomes import BASE_AMOUNT
from pipelines.simulate.randomness import stream
from pipelines.simulate.social_files import PLATFORM

OWNERS = 4
STAGES = ("lead", "qualified", "proposal")
DEAL_SHARE = 0.10
MRR = 12.0
TOUCH_KINDS = ("call", "meeting", "email")
PURCHASE_AFTER = 2 * DAY + 12 * HOUR
HOURLY_COST = {"service": 30.0, "marketing": 40.0, "communications": 40.0, "sales": 45.0}
# Creating, segmenting and checking campaigns: a team that grows with the customer base, about as dear as service.
MARKETING_HOURS_PER_CUSTOMER = 0.08


def crm_tables(company: Company) -> Iterator[tuple[str, pl.DataFrame]]:
    """Each CRM and shared table by name; the longest ones come in several pieces."""
    yield "brands", _brands(company)
    yield "crm_owners", pl.DataFrame({"owner_id": ids("o", np.arange(OWNERS)), "name": ids("Owner ", np.arange(OWNERS))})
    yield "crm_contacts", _contacts(company)
    yield "crm_subscriptions", _subscriptions(company)
    yield "crm_activities", _activities(company)
    deals, changes = _deals(company)
    yield "crm_deals", deals
    yield "crm_deal_stage_changes", changes
    yield "crm_campaigns", _campaigns(company)
    for week in range(company.n_weeks):
        yield "crm_campaign_sends", _sends(company, week)
    for week in range(-1, company.n_weeks):
        yield ("crm_revenue" if company.world.n_brands == 1 else "outcome_events"), _purchases(company, week)
    yield "staff_costs", _staff_costs(company)
    yield "experiments", _experiments(company)


def _brands(company: Company) -> pl.DataFrame:
    codes = np.arange(company.world.n_brands)
    return pl.DataFrame(
        {
            "brand_id": brand_ids(codes),
            "name": ids("Brand ", codes),
            "time_zone": "UTC",
            "observed_until": instants(np.full(len(codes), observed_until(company.n_weeks))),
        }
    )


def _contacts(company: Company) -> pl.DataFrame:
    codes = np.arange(company.n_customers)
    handles = pl.select(pl.concat_list(pl.lit(f"{PLATFORM}:") + ids("customer", codes))).to_series()
    return pl.DataFrame(
        {
            "contact_id": ids("c", codes),
            "email": pl.select(ids("customer", codes) + pl.lit("@mail.example")).to_series(),
            "name": ids("Customer ", codes),
            "social_handles": handles,
            "created_at": instants(np.full(len(codes), START - 90 * DAY)),
            "owner_id": ids("o", codes % OWNERS),
        }
    )


def _subscriptions(company: Company) -> pl.DataFrame:
    who = np.flatnonzero(company.customers.is_subscriber)
    ended_at = company.churn.ended_at[who]
    has_ended = ended_at <= observed_until(company.n_weeks)
    return pl.DataFrame(
        {
            "subscription_id": ids("v", who),
            "contact_id": ids("c", who),
            "started_at": instants(np.full(len(who), START - 60 * DAY)),
            "ended_at": instants(np.where(has_ended, ended_at, 0), has_ended),
            "mrr": MRR,
            "currency": CURRENCY,
            "status": picked(("active", "cancelled"), has_ended.astype(np.int64)),
        }
    )


def _activities(company: Company) -> pl.DataFrame:
    random = stream(company.seed, "files: activities")
    week, customer = np.nonzero(company.reach.touches)
    times = company.reach.touches[week, customer]
    week, customer = np.repeat(week, times), np.repeat(customer, times)
    return pl.DataFrame(
        {
            "activity_id": ids("k", np.arange(len(week))),
            "contact_id": ids("c", customer),
            "occurred_at": instants(START + week * WEEK + random.integers(WEEK, size=len(week))),
            "kind": picked(TOUCH_KINDS, random.integers(len(TOUCH_KINDS), size=len(week))),
            "actor_id": ids("o", customer % OWNERS),
            "is_automated": pl.repeat(False, len(week), dtype=pl.Boolean, eager=True),
        }
    )


def _deals(company: Company) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Deals and the changes of their stages, as far as they were watched."""
    random = stream(company.seed, "files: deals")
    customer = np.flatnonzero(random.random(company.n_customers) < DEAL_SHARE)
    n_deals, end = len(customer), observed_until(company.n_weeks)
    created = START + random.integers(company.n_weeks * WEEK, size=n_deals)
    reached = created + np.cumsum(random.integers(DAY, 14 * DAY, size=(len(STAGES), n_deals)), axis=0)
    is_won = random.random(n_deals) < 0.3
    deal = ids("e", np.arange(n_deals))
    steps = []
    for place, at in enumerate(reached):
        seen = at <= end
        last = place == len(STAGES) - 1
        new = picked(("lost", "won"), is_won.astype(np.int64)) if last else pl.repeat(STAGES[place + 1], n_deals, eager=True)
        frame = {
            "change_id": deal + f"-{place + 1}",
            "deal_id": deal,
            "changed_at": instants(at),
            "from_stage": STAGES[place],
            "to_stage": new,
        }
        steps.append(pl.DataFrame(frame).filter(pl.Series(seen)))
    n_passed = (reached <= end).sum(axis=0)
    is_closed = n_passed == len(STAGES)
    stage = picked((*STAGES, "lost", "won"), np.where(is_closed, len(STAGES) + is_won, np.minimum(n_passed, len(STAGES) - 1)))
    deals = pl.DataFrame(
        {
            "deal_id": deal,
            "contact_id": ids("c", customer),
            "created_at": instants(created),
            "amount": np.round(np.exp(6 + random.normal(size=n_deals)), 2),
            "currency": pl.repeat(CURRENCY, n_deals, dtype=pl.String, eager=True),
            "stage": stage,
            "closed_at": instants(reached[-1], is_closed),
            "is_won": masked(pl.Series(is_won), is_closed),
        }
    )
    return deals, pl.concat(steps)


def _campaigns(company: Company) -> pl.DataFrame:
    """Two campaigns a brand: the weekly digest and the targeted one."""
    codes = np.arange(2 * company.world.n_brands)
    return pl.DataFrame(
        {
            "campaign_id": ids("z", codes),
            "brand_id": brand_ids(codes // 2),
            "name": picked(("Weekly digest", "Offers"), codes % 2),
            "channel": "email",
            "is_automated": codes % 2 == 0,
        }
    )


def _sends(company: Company, week: int) -> pl.DataFrame:
    """A week's sends; each customer's first is the digest."""
    reach = company.reach
    sends = reach.sends[week]
    customer = np.repeat(np.arange(company.n_customers), sends)
    place = np.arange(len(customer)) - np.repeat(np.cumsum(sends) - sends, sends)
    campaign = 2 * company.customers.brand[customer] + (place > 0)
    at = stream(company.seed, f"files: sends of week {week}").integers(WEEK, size=len(customer))
    held_out = np.zeros(len(customer), dtype=bool) if reach.is_held_out is None else reach.is_held_out[week][customer]
    return pl.DataFrame(
        {
            "send_id": ids(f"y{week}-", np.arange(len(customer))),
            "campaign_id": ids("z", campaign),
            "contact_id": ids("c", customer),
            "delivered_at": instants(START + week * WEEK + at),
            "is_holdout": held_out,
            "targeting_score": reach.score[week][customer],
        }
    )


def _purchases(company: Company, week: int) -> pl.DataFrame:
    """What customers bought in the week after `week`; after week -1, the first action of each at its very start."""
    is_first = week < 0
    here = np.flatnonzero(week < company.customers.leaves_week)
    amount = np.full(len(here), BASE_AMOUNT) if is_first else company.amounts[week][here]
    at = START if is_first else START + (week + 1) * WEEK + PURCHASE_AFTER
    shared = {"contact_id": ids("c", here), "occurred_at": instants(np.full(len(here), at)), "kind": "purchase"}
    key = ids(f"w{week + 1}-", here)
    if company.world.n_brands == 1:
        return pl.DataFrame({"revenue_id": key, **shared, "amount": amount, "currency": CURRENCY})
    # Revenue names no brand.
    return pl.DataFrame(
        {"event_id": key, **shared, "brand_id": brand_ids(company.customers.brand[here]), "value": amount, "unit": CURRENCY}
    )


def _staff_costs(company: Company) -> pl.DataFrame:
    """Hours and cost by function and week: service by the roster, the others in proportion to what they sent out."""
    n_weeks = company.n_weeks
    hours = {
        "service": company.roster.actual.sum(axis=(0, 2))[:n_weeks] / HOUR,
        "marketing": MARKETING_HOURS_PER_CUSTOMER * company.n_customers + company.reach.sends.sum(axis=1) / 1000,
        "communications": company.reach.posts.sum(axis=1) / 2,
        "sales": company.reach.touches.sum(axis=1) / 2,
    }
    weeks = pl.Series(np.datetime64(FIRST_MONDAY.isoformat()) + 7 * np.arange(n_weeks)).cast(pl.Date)
    frames = [
        pl.DataFrame(
            {
                "function": function,
                "week": weeks,
                "hours": np.round(spent, 6),
                "cost": np.round(spent * HOURLY_COST[function], 4),
                "currency": CURRENCY,
            }
        )
        for function, spent in hours.items()
    ]
    return pl.concat(frames)


def _experiments(company: Company) -> pl.DataFrame:
    """The queue-priority trial by ticket and the broadcast holdout by customer, where the world has them."""
    contacts, answers, world = company.contacts, company.answers, company.world
    start = START + trial_start_week(world, company.n_weeks) * WEEK
    parts = []
    if world.trial_share > 0:
        tickets = np.flatnonzero(answers.in_trial)
        arm = picked(("usual", "priority"), answers.is_treated[tickets].astype(np.int64))
        parts.append(("queue-priority", "ticket", ids("t", tickets), arm, contacts.asked_at[tickets], "responsiveness"))
    if world.holdout_share > 0:
        arm = picked(("contact", "holdout"), company.customers.in_holdout.astype(np.int64))
        everyone = np.arange(company.n_customers)
        parts.append(("broadcast-holdout", "customer", ids("c", everyone), arm, np.full(len(everyone), start), "broadcast"))
    frames = [
        pl.DataFrame({"experiment_id": name, "unit": unit, "unit_id": key, "arm": arm, "assigned_at": instants(at), "lever": lever})
        for name, unit, key, arm, at, lever in parts
    ]
    return pl.concat(frames) if frames else pl.DataFrame()
