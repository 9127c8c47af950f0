"""What customers do afterwards: money in the week after, and the end of their subscriptions."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.answers import Answers
from pipelines.simulate.calendar import WEEK
from pipelines.simulate.contacts import Contacts, Outages
from pipelines.simulate.people import Agents, Customers
from pipelines.simulate.randomness import stream
from pipelines.simulate.reach import Mentions, Reach, adstock
from pipelines.simulate.worlds import World

BASE_AMOUNT = 20.0
ADSTOCK_RATE = 0.5
CHURN_WEEKS = 13
CHURN_REFERENCE = -1.5
"""Responsiveness at which the churn probability is the world's churn rate."""


@dataclass(frozen=True)
class Churn:
    """Ends of subscriptions.

    Args:
        ended_at: (customers,) epoch microseconds; the largest integer for those that go on.
        is_at_risk: (contacts,) whether the contact came from a subscriber.
        would_end_anyway: (contacts,) whether another contact ends the subscription within 13 weeks of this one.
    """

    ended_at: Integers
    is_at_risk: np.ndarray
    would_end_anyway: np.ndarray


ON_AND_ON = np.iinfo(np.int64).max


def draw_amounts(
    world: World,
    seed: int,
    customers: Customers,
    agents: Agents,
    demand: Floats,
    outages: Outages,
    contacts: Contacts,
    answers: Answers,
    reach: Reach,
    mentions: Mentions,
) -> Floats:
    """(weeks, customers) EUR of the purchase in the week after, to 4 decimals: 20 plus the outcome y."""
    amounts = _noise(world, seed, reach.score.shape)
    amounts += (BASE_AMOUNT + demand)[:, None] + customers.level
    amounts += world.targeting_score_effect * reach.score
    amounts += world.broadcast_effect * np.log1p(adstock(reach.delivered, ADSTOCK_RATE))
    if world.touches_effect:
        amounts += world.touches_effect * np.log1p(adstock(reach.touches, ADSTOCK_RATE))
    amounts += _effect_of_posts(world, reach)[:, customers.followed]
    shocks = world.shift_shock_sd * stream(seed, "shift shocks").normal(size=world.n_queues * outages.large.size)
    amounts[contacts.week, contacts.customer] += (
        world.responsiveness_effect * answers.responsiveness
        - world.contact_cost
        - world.tagged_severity_effect * contacts.tagged_severity
        - world.untagged_severity_effect * contacts.untagged_severity
        - world.outage_harm * contacts.is_outage_hit
        - world.small_outage_harm * outages.harmed_by_small[contacts.week, contacts.slot]
        + world.human_first_premium * (answers.is_human & ~answers.is_bot)
        + world.warmth_effect * agents.warmth[answers.agent] * answers.is_human
        + shocks[contacts.shift]
    )
    amounts[mentions.week, mentions.customer] += world.mention_answered_effect * mentions.is_answered - world.mention_cost
    if world.attrition_share > 0:
        amounts[np.arange(len(amounts))[:, None] >= customers.leaves_week] = 0.0
    return np.round(amounts, 4)


def _noise(world: World, seed: int, shape: tuple[int, int]) -> Floats:
    """(weeks, customers) stationary autoregressive noise."""
    noise = world.noise_sd * stream(seed, "noise").normal(size=shape)
    noise[0] /= np.sqrt(1 - world.noise_persistence**2)
    for week in range(1, shape[0]):
        noise[week] += world.noise_persistence * noise[week - 1]
    return noise


def _effect_of_posts(world: World, reach: Reach) -> Floats:
    share = reach.automated_share
    volume = world.posts_effect * np.log1p(adstock(reach.posts, ADSTOCK_RATE))
    return volume + world.automation_linear * share - world.automation_square * share**2


def draw_churn(world: World, seed: int, customers: Customers, contacts: Contacts, answers: Answers) -> Churn:
    """Each contact of a subscriber may end the subscription within 13 weeks, the sooner answered the less likely."""
    random = stream(seed, "churn")
    value = customers.value[contacts.customer]
    probability = (
        world.churn_rate
        + world.churn_effect * (answers.responsiveness - CHURN_REFERENCE)
        + world.churn_by_tagged * contacts.tagged_severity
        + world.churn_by_untagged * contacts.untagged_severity
        + world.churn_by_value * value
    )
    ends = random.random(len(contacts)) < np.clip(probability, 0.005, 0.95)
    own_end = np.where(ends, contacts.asked_at + random.integers(1, CHURN_WEEKS * WEEK, size=len(contacts)), ON_AND_ON)
    ended_at = np.where(customers.is_subscriber, ON_AND_ON, 0)
    is_at_risk = np.zeros(len(contacts), dtype=bool)
    bounds = np.searchsorted(contacts.week, np.arange(contacts.week[-1] + 2 if len(contacts) else 1))
    for first, last in pairwise(bounds):
        who = contacts.customer[first:last]
        at_risk = ended_at[who] > contacts.asked_at[first:last]
        is_at_risk[first:last] = at_risk
        ended_at[who[at_risk]] = np.minimum(ended_at[who[at_risk]], own_end[first:last][at_risk])
    return Churn(ended_at, is_at_risk, _ends_anyway(contacts, own_end))


def _ends_anyway(contacts: Contacts, own_end: Integers) -> np.ndarray:
    """(contacts,) whether another contact of the same customer ends the subscription within 13 weeks of this one."""
    order = np.lexsort((contacts.week, contacts.customer))
    who, asked, ends = contacts.customer[order], contacts.asked_at[order], own_end[order]
    anyway = np.zeros(len(order), dtype=bool)
    for offset in range(1, CHURN_WEEKS + 2):
        if offset >= len(order):
            break
        same = who[offset:] == who[:-offset]
        if not same.any():
            break
        anyway[:-offset] |= same & (ends[offset:] <= asked[:-offset] + CHURN_WEEKS * WEEK)
        anyway[offset:] |= same & (ends[:-offset] > asked[offset:]) & (ends[:-offset] <= asked[offset:] + CHURN_WEEKS * WEEK)
    found = np.zeros(len(order), dtype=bool)
    found[order] = anyway
    return found
