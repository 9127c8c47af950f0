"""Who asks, when and how badly: own problems and outages, at most one contact per customer-week."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.calendar import SLOT, SLOTS, START, WEEK
from pipelines.simulate.people import Customers
from pipelines.simulate.randomness import stream
from pipelines.simulate.worlds import World

SEVERITY_TAGS = ("s1", "s2", "s3", "s4", "s5")
SEVERITY_SHARES = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
SEVERITY_VALUES = np.arange(-2, 3) / np.sqrt(1.2)
"""Equally spaced, mean 0 and variance 1 under the shares."""
SEVERITY_CUTS = np.array([-1.2815515655446004, -0.5244005127080409, 0.5244005127080407, 1.2815515655446004])
"""Standard normal quantiles at the cumulated shares."""
SPILLOVER_SLOTS = 11


@dataclass(frozen=True)
class Outages:
    """What breaks.

    Args:
        profile: (slots,) share of a usual week's contacts by slot.
        large, small: (weeks, slots) whether the shift has an outage that its arrivals show, or one that they hide.
        in_small: (weeks, slots) the small outage's shift and the two beside it.
        harmed_by_small: (weeks, slots) the small outage's shift and the later ones of the week that still suffer.
    """

    profile: Floats
    large: np.ndarray
    small: np.ndarray
    in_small: np.ndarray
    harmed_by_small: np.ndarray


@dataclass(frozen=True)
class Contacts:
    """Contacts in order of week and customer.

    Args:
        customer, week, slot, queue: (n,) codes.
        shift: (n,) code of queue, week and slot; see `shift_code`.
        asked_at: (n,) epoch microseconds.
        is_outage_hit: (n,) whether a large outage made the customer ask.
        severity_level: (n,) 0 to 4, recorded as the severity tag.
        untagged_severity: (n,) standard normal, known to agents only.
    """

    customer: Integers
    week: Integers
    slot: Integers
    queue: Integers
    shift: Integers
    asked_at: Integers
    is_outage_hit: np.ndarray
    severity_level: Integers
    untagged_severity: Floats

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def tagged_severity(self) -> Floats:
        """(n,) severity behind the tag, mean 0 and variance 1."""
        return SEVERITY_VALUES[self.severity_level]


def shift_code(queue: Integers | int, week: Integers, slot: Integers, n_weeks: int) -> Integers:
    """Place of a shift in the roster's (queues + 1, weeks + 1, slots) arrays, flattened."""
    return (queue * (n_weeks + 1) + week) * SLOTS + slot


def draw_outages(world: World, seed: int, n_weeks: int) -> Outages:
    """Outages by shift of the week; all queues share them."""
    profile = stream(seed, "profile").dirichlet(np.full(SLOTS, 20.0))
    random = stream(seed, "outages")
    large = random.random((n_weeks, SLOTS)) < world.outage_rate
    small = random.random((n_weeks, SLOTS)) < world.small_outage_rate
    flat = small.ravel()
    beside = flat.copy()
    beside[1:] |= flat[:-1]
    beside[:-1] |= flat[1:]
    harmed = small.copy()
    for lag in range(1, SPILLOVER_SLOTS + 1):
        harmed[:, lag:] |= small[:, :-lag]
    return Outages(profile, large, small, beside.reshape(small.shape), harmed)


def draw_contacts(world: World, seed: int, customers: Customers, demand: Floats, outages: Outages) -> Contacts:
    """Contacts of all customers over all weeks, before anybody answers."""
    slot, is_hit = _slots_asked_in(world, seed, len(customers.value), demand, outages)
    n_weeks = len(demand)
    if world.attrition_share > 0:
        slot[np.arange(n_weeks)[:, None] >= customers.leaves_week] = -1
    week, customer = np.nonzero(slot >= 0)
    slot_asked = slot[week, customer].astype(np.int64)
    n_contacts = len(week)
    queue = stream(seed, "queues").integers(world.n_queues, size=n_contacts)
    instants = stream(seed, "instants").integers(SLOT, size=n_contacts)
    random = stream(seed, "severity")
    rise = np.where(outages.in_small[week, slot_asked], world.small_outage_severity, 0.0)
    latent, untagged = random.normal(size=n_contacts) + rise, random.normal(size=n_contacts) + rise
    return Contacts(
        customer=customer,
        week=week,
        slot=slot_asked,
        queue=queue,
        shift=shift_code(queue, week, slot_asked, n_weeks),
        asked_at=START + week * WEEK + slot_asked * SLOT + instants,
        is_outage_hit=is_hit[week, customer],
        severity_level=np.searchsorted(SEVERITY_CUTS, latent).astype(np.int64),
        untagged_severity=untagged,
    )


def _slots_asked_in(world: World, seed: int, n_customers: int, demand: Floats, outages: Outages) -> tuple[np.ndarray, np.ndarray]:
    """(weeks, customers) slot of the contact, -1 for none; and whether a large outage caused it."""
    shape = (len(demand), n_customers)
    random = stream(seed, "contacts")
    has_own = random.random(shape) < world.contact_rate * np.exp(world.contact_demand * demand)[:, None]
    slot = np.full(shape, -1, dtype=np.int8)
    edges = np.cumsum(outages.profile)[:-1]
    slot[has_own] = np.searchsorted(edges, random.random(int(has_own.sum())), side="right")
    is_hit = np.zeros(shape, dtype=bool)
    random = stream(seed, "outage hits")
    for week in np.flatnonzero(outages.large.any(axis=1)):
        # Of several outages in a week the first one counts.
        is_hit[week] = (random.random(n_customers) < world.outage_hit_rate) & (slot[week] < 0)
        slot[week, is_hit[week]] = outages.large[week].argmax()
    random = stream(seed, "small outage hits")
    for week, small_slot in zip(*np.nonzero(outages.small), strict=True):
        share = world.small_outage_size * world.contact_rate * outages.profile[small_slot]
        slot[week, (random.random(n_customers) < share) & (slot[week] < 0)] = small_slot
    return slot, is_hit
