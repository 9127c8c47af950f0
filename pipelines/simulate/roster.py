"""Planned and actual agent-hours by shift."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.calendar import HOUR, SLOTS
from pipelines.simulate.contacts import Outages
from pipelines.simulate.randomness import stream
from pipelines.simulate.worlds import World


@dataclass(frozen=True)
class Roster:
    """Work by shift, in whole microseconds, so that the emitted spans add up to it exactly.

    Args:
        planned, actual: (queues + 1, weeks + 1, slots) agent-microseconds; the last queue is the social desk's, the last
            week the one in which only outcomes are watched.
    """

    planned: Integers
    actual: Integers

    @property
    def shortfall(self) -> Floats:
        """(queues + 1, weeks + 1, slots) ln(planned / actual)."""
        return np.log(self.planned / HOUR) - np.log(self.actual / HOUR)


def draw_roster(world: World, seed: int, n_customers: int, n_weeks: int, outages: Outages) -> Roster:
    """The roster: planned by the slots' usual contacts, cut by a shortfall that nothing else knows of.

    In a world with small outages the roster is cut because of them as well, which breaks the instrument.
    """
    ticket_hours = outages.profile * n_customers * world.contact_rate * world.agent_hours_per_contact / world.n_queues
    social_hours = np.full(SLOTS, n_customers * world.mention_rate * world.agent_hours_per_contact / SLOTS)
    hours = np.vstack([np.tile(ticket_hours, (world.n_queues, 1)), social_hours])[:, None, :]
    planned = np.broadcast_to(np.maximum(np.round(hours * HOUR), 1).astype(np.int64), (world.n_queues + 1, n_weeks + 1, SLOTS))
    shortfall = stream(seed, "shortfall").gamma(world.shortfall_shape, world.shortfall_scale, size=planned.shape)
    cut = np.zeros(planned.shape)
    cut[:-1, :-1] = world.small_outage_neighbour_cut * outages.in_small
    cut[:-1, :-1] += (world.small_outage_roster_cut - world.small_outage_neighbour_cut) * outages.small
    actual = np.maximum(np.round(planned * np.exp(-shortfall - cut)), 1).astype(np.int64)
    return Roster(planned.copy(), actual)
