"""What the company says to its customers: campaigns, posts and sales touches; and what they say of it in public."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.answers import CAP, SHORTEST_HUMAN_WAIT, capped_responsiveness, trial_start_week
from pipelines.simulate.calendar import HOUR, NEVER, SLOT, START, WEEK
from pipelines.simulate.contacts import shift_code
from pipelines.simulate.people import N_ACCOUNTS, Customers
from pipelines.simulate.randomness import stream
from pipelines.simulate.roster import Roster
from pipelines.simulate.worlds import World

ADSTOCK_LAGS = 26


@dataclass(frozen=True)
class Reach:
    """What could reach each customer by week.

    Args:
        score: (weeks, customers) recorded targeting score of the week's sends.
        sends: (weeks, customers) sends recorded, held-out ones included.
        is_held_out: (weeks, customers) whether the week's sends were held out, not delivered; None without a holdout.
        posts, scheduled, unknown: (weeks, accounts) posts of each regional brand account, those that were scheduled,
            and those of which the record does not tell whether they were.
        unknown_scheduled: (weeks, accounts) unknown ones that were scheduled all the same.
        touches: (weeks, customers) sales touches.
    """

    score: Floats
    sends: Integers
    is_held_out: np.ndarray | None
    posts: Integers
    scheduled: Integers
    unknown: Integers
    unknown_scheduled: Integers
    touches: Integers

    @property
    def delivered(self) -> Integers:
        """(weeks, customers) sends that were delivered."""
        return self.sends if self.is_held_out is None else np.where(self.is_held_out, 0, self.sends)

    @property
    def automated_share(self) -> Floats:
        """(weeks, accounts) true scheduled share of posts, whether recorded or not."""
        return self.scheduled / self.posts


@dataclass(frozen=True)
class Mentions:
    """Public mentions of the brand, at most one per customer-week, in order of week and customer.

    Args:
        customer, week: (n,) codes.
        at: (n,) epoch microseconds.
        slot, shift: (n,) codes of the social desk's slot and shift.
        wait: (n,) microseconds to the brand's answer, NEVER where there is none within 72 hours.
    """

    customer: Integers
    week: Integers
    at: Integers
    slot: Integers
    shift: Integers
    wait: Integers

    @property
    def is_answered(self) -> np.ndarray:
        """(n,) whether the brand answered within 72 hours."""
        return self.wait >= 0

    @property
    def responsiveness(self) -> Floats:
        """(n,) as of contacts: a public mention is a turn like any other."""
        return capped_responsiveness(self.wait)


def adstock(weekly: np.ndarray, rate: float, lags: int = ADSTOCK_LAGS) -> Floats:
    """Sum over k from 0 to `lags` of rate^k times the counts k weeks before.

    Args:
        weekly: (weeks, n) counts; nothing came before.
        rate: share that is left a week later.
        lags: weeks after which nothing is left.
    """
    felt = np.empty(weekly.shape)
    carried = np.zeros(weekly.shape[1])
    for week in range(len(weekly)):
        carried = weekly[week] + rate * carried
        if week > lags:
            carried -= rate ** (lags + 1) * weekly[week - lags - 1]
        felt[week] = carried
    return felt


def draw_reach(world: World, seed: int, customers: Customers, demand: Floats) -> Reach:
    """Campaigns targeted on a recorded score, on value and on demand; posts by account; touches by value."""
    n_weeks, n_customers = len(demand), len(customers.value)
    random = stream(seed, "targeting score")
    score = random.normal(size=(n_weeks, n_customers))
    for week in range(1, n_weeks):
        score[week] = 0.8 * score[week - 1] + 0.6 * score[week]
    log_mean = world.targeting_by_score * score + (world.targeting_by_demand * demand)[:, None] + world.targeting_by_value * customers.value
    sends = 1 + stream(seed, "sends").poisson(world.targeted_sends * np.exp(log_mean))
    held_out = None
    if world.holdout_share > 0:
        held_out = (np.arange(n_weeks) >= trial_start_week(world, n_weeks))[:, None] & customers.in_holdout
    touch_mean = world.touch_rate * np.exp(0.3 * customers.value)
    touches = stream(seed, "touches").poisson(touch_mean, size=(n_weeks, n_customers)).astype(np.int64)
    if world.attrition_share > 0:
        has_left = np.arange(n_weeks)[:, None] >= customers.leaves_week
        sends[has_left] = 0
        touches[has_left] = 0
    return Reach(score, sends.astype(np.int64), held_out, *_draw_posts(world, seed, n_weeks), touches)


def _draw_posts(world: World, seed: int, n_weeks: int) -> tuple[Integers, Integers, Integers, Integers]:
    random = stream(seed, "posts")
    shape = (n_weeks, N_ACCOUNTS)
    posts = 1 + random.poisson(world.posts_per_week - 1, size=shape)
    scheduled = random.binomial(posts, random.beta(2, 2, size=shape))
    unknown_scheduled = random.binomial(scheduled, world.unknown_client_share)
    unknown = unknown_scheduled + random.binomial(posts - scheduled, world.unknown_client_share)
    return posts, scheduled, unknown, unknown_scheduled


def draw_mentions(world: World, seed: int, customers: Customers, roster: Roster) -> Mentions:
    """Mentions, answered the more often the more the customer is worth and the fewer of the social desk are missing."""
    n_weeks = roster.planned.shape[1] - 1
    random = stream(seed, "mentions")
    is_mention = random.random((n_weeks, len(customers.value))) < world.mention_rate
    if world.attrition_share > 0:
        is_mention &= np.arange(n_weeks)[:, None] < customers.leaves_week
    week, customer = np.nonzero(is_mention)
    instant = random.integers(WEEK, size=len(week))
    slot = instant // SLOT
    shift = shift_code(world.n_queues, week, slot, n_weeks)
    shortfall = roster.shortfall.ravel()[shift]
    usual = world.shortfall_shape * world.shortfall_scale
    chance = world.mention_answer_rate + world.mention_answer_by_value * customers.value[customer]
    chance = np.clip(chance - world.mention_answer_by_shortfall * (shortfall - usual), 0.05, 0.95)
    log_hours = world.log_mention_wait + world.mention_wait_sd * random.normal(size=len(week))
    log_hours = np.minimum(log_hours + world.wait_load_elasticity * shortfall, np.log(CAP / HOUR))
    wait = np.maximum(np.round(np.exp(log_hours) * HOUR).astype(np.int64), SHORTEST_HUMAN_WAIT)
    is_answered = (random.random(len(week)) < chance) & (wait < CAP)
    return Mentions(customer, week, START + week * WEEK + instant, slot, shift, np.where(is_answered, wait, NEVER))
