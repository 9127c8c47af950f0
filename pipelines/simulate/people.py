"""Who there is: customers with their value and habits, agents with skill and warmth, and demand over time."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.calendar import HOUR
from pipelines.simulate.randomness import stream
from pipelines.simulate.worlds import World

N_ACCOUNTS = 20
NEUTRAL_TONE_SHARE = 0.10
WEEKLY_HOURS = 40


@dataclass(frozen=True)
class Customers:
    """The company's customers.

    Args:
        value: (n,) worth of the customer, standard normal.
        level: (n,) the customer's own level of the outcome.
        brand: (n,) code of the customer's brand.
        followed: (n,) code of the regional brand account that the customer follows.
        leaves_week: (n,) first week without the customer; n_weeks + 1 for those who stay.
        is_subscriber: (n,) whether there is a subscription at the start.
        in_holdout: (n,) whether the broadcast holdout drew the customer.
    """

    value: Floats
    level: Floats
    brand: Integers
    followed: Integers
    leaves_week: Integers
    is_subscriber: np.ndarray
    in_holdout: np.ndarray


@dataclass(frozen=True)
class Agents:
    """Those who answer.

    Args:
        log_slowness: (a,) ln of how much longer the agent takes.
        tone_balance: (a,) share of warm replies less share of cold ones.
        warmth: (a,) the same, standardised over agents.
    """

    log_slowness: Floats
    tone_balance: Floats
    warmth: Floats

    def __len__(self) -> int:
        return len(self.warmth)


def draw_customers(world: World, seed: int, n_customers: int, n_weeks: int) -> Customers:
    """The customers, each with one brand and one followed account of that brand."""
    random = stream(seed, "customers")
    value = random.normal(size=n_customers)
    taste = random.normal(size=n_customers)
    brand = random.integers(world.n_brands, size=n_customers)
    per_brand = N_ACCOUNTS // world.n_brands
    followed = brand + world.n_brands * random.integers(per_brand, size=n_customers)
    random = stream(seed, "attrition")
    leaves = random.random(n_customers) < world.attrition_share
    leaves_week = np.where(leaves, random.integers(1, max(n_weeks, 2), size=n_customers), n_weeks + 1)
    return Customers(
        value=value,
        level=world.value_effect * value + world.taste_sd * taste,
        brand=brand.astype(np.int64),
        followed=followed.astype(np.int64),
        leaves_week=leaves_week.astype(np.int64),
        is_subscriber=stream(seed, "subscriptions").random(n_customers) < world.subscriber_share,
        in_holdout=stream(seed, "holdout").random(n_customers) < world.holdout_share,
    )


def draw_agents(world: World, seed: int, planned: Integers) -> Agents:
    """As many agents as the world names, or as the roster needs at 40 hours a week.

    Args:
        world: the world.
        seed: the company's seed.
        planned: (queues + 1, weeks + 1, slots) planned microseconds of work, the social desk's last.
    """
    weekly_hours = planned[:-1, 0].sum() / HOUR
    n_agents = max(world.n_agents, int(np.ceil(weekly_hours / WEEKLY_HOURS)))
    random = stream(seed, "agents")
    slowness = world.agent_skill_sd * random.normal(size=n_agents)
    limit = 1 - NEUTRAL_TONE_SHARE
    tone_balance = np.clip(0.35 * random.normal(size=n_agents), -limit, limit)
    return Agents(slowness, tone_balance, (tone_balance - tone_balance.mean()) / tone_balance.std())


def draw_demand(world: World, seed: int, n_weeks: int) -> Floats:
    """(n_weeks,) demand: autoregressive with a yearly wave; it moves contacts, campaigns and the outcome alike."""
    shocks = 0.3 * stream(seed, "demand").normal(size=n_weeks)
    demand = np.zeros(n_weeks)
    for week in range(n_weeks):
        demand[week] = shocks[week] + (0.6 * demand[week - 1] if week else 0.0)
    return demand + world.demand_seasonality * np.sin(2 * np.pi * np.arange(n_weeks) / 52)
