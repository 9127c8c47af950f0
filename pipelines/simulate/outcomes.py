"""What customers do afterwards: money in the week after, and the end of their subscriptions."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.answers import Answers
from pipelines.simulate.calendar import SLOTS, WEEK
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
        is_at_risk: (turns,) whether the turn came from a subscriber; turns are contacts, then mentions.
        would_end_anyway: (turns,) whether another turn ends the subscription within 13 weeks of this one.
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
    n_shifts = world.n_queues * (len(demand) + 1) * SLOTS
    shocks = world.shift_shock_sd * stream(seed, "shift shocks").normal(size=n_shifts)
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
    amounts[mentions.week, mentions.customer] += (
        world.responsiveness_effect * mentions.responsiveness + world.mention_answered_effect * mentions.is_answered - world.mention_cost
    )
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


def draw_churn(world: World, seed: int, customers: Customers, contacts: Contacts, answers: Answers, mentions: Mentions) -> Churn:
    """Each turn of a subscriber may end the subscription within 13 weeks, the sooner answered the less likely."""
    customer = np.concatenate([contacts.customer, mentions.customer])
    asked_at = np.concatenate([contacts.asked_at, mentions.at])
    gained = np.concatenate([answers.responsiveness, mentions.responsiveness]) - CHURN_REFERENCE
    probability = world.churn_rate + world.churn_effect * gained + world.churn_by_value * customers.value[customer]
    severity = world.churn_by_tagged * contacts.tagged_severity + world.churn_by_untagged * contacts.untagged_severity
    probability[: len(contacts)] += severity
    random = stream(seed, "churn")
    ends = random.random(len(customer)) < np.clip(probability, 0.005, 0.95)
    own_end = np.where(ends, asked_at + random.integers(1, CHURN_WEEKS * WEEK, size=len(customer)), ON_AND_ON)
    # A turn after the end can't bring the end forward, so the earliest draw decides.
    ended_at = np.where(customers.is_subscriber, ON_AND_ON, 0)
    np.minimum.at(ended_at, customer, own_end)
    return Churn(ended_at, asked_at < ended_at[customer], _ends_anyway(customer, asked_at, own_end))


def _ends_anyway(customer: Integers, asked_at: Integers, own_end: Integers) -> np.ndarray:
    """(turns,) whether another turn of the same customer ends the subscription within 13 weeks of this one."""
    order = np.lexsort((asked_at, customer))
    who, asked, ends = customer[order], asked_at[order], own_end[order]
    window = CHURN_WEEKS * WEEK
    anyway = np.zeros(len(order), dtype=bool)
    for offset in range(1, len(order)):
        same = (who[offset:] == who[:-offset]) & (asked[offset:] - asked[:-offset] <= window)
        if not same.any():
            break
        anyway[:-offset] |= same & (ends[offset:] <= asked[:-offset] + window)
        anyway[offset:] |= same & (ends[:-offset] > asked[offset:]) & (ends[:-offset] <= asked[offset:] + window)
    found = np.zeros(len(order), dtype=bool)
    found[order] = anyway
    return found
