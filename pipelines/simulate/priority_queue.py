"""Waits of an event-by-event priority queue, served by the agents who came."""

from heapq import heappop, heappush

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.calendar import HOUR, NEVER, SLOT, SLOTS, START
from pipelines.simulate.contacts import Contacts
from pipelines.simulate.roster import Roster


def queue_waits(contacts: Contacts, roster: Roster, head_start_hours: Floats, handling_hours: Floats, patience_hours: Floats) -> Integers:
    """First replies of every queue.

    Whoever is free takes the contact whose arrival, moved forward by its head start, lies first: urgency counts as time
    already waited, so that nobody waits forever (accumulating priorities; Kleinrock 1964). The reply is sent when the
    contact is handled; an agent finishes what was begun, even after the shift.

    Args:
        contacts: the contacts; those of the last queue of the roster, the social desk's, are not among them.
        roster: planned and actual work.
        head_start_hours: (n,) hours that the contact's urgency is worth.
        handling_hours: (n,) agent-hours to answer it.
        patience_hours: (n,) hours after which the customer has given up without a word.

    Returns:
        (n,) microseconds from the question to the reply; NEVER for those who gave up or were not reached.
    """
    waits = np.full(len(contacts), NEVER)
    key = contacts.asked_at - np.round(head_start_hours * HOUR).astype(np.int64)
    handling = np.maximum(np.round(handling_hours * HOUR), 1).astype(np.int64)
    gives_up = contacts.asked_at + np.round(patience_hours * HOUR).astype(np.int64)
    for queue in range(roster.planned.shape[0] - 1):
        here = np.flatnonzero(contacts.queue == queue)
        here = here[np.argsort(contacts.asked_at[here], kind="stable")]
        starts, ends = presence(roster.planned[queue].ravel(), roster.actual[queue].ravel())
        replied = _serve(contacts.asked_at[here], key[here], handling[here], gives_up[here], starts, ends)
        waits[here] = np.where(replied < 0, NEVER, replied - contacts.asked_at[here])
    return waits


def presence(planned: Integers, actual: Integers) -> tuple[Integers, Integers]:
    """When agents were there, shift by shift: as many as the plan needs, the first in full, one in part.

    Args:
        planned, actual: (shifts,) microseconds of work of one queue's consecutive shifts.

    Returns:
        Starts and ends of each agent's presence in epoch microseconds, by start.
    """
    shift, _, length, before = agent_spans(planned)
    worked = np.clip(actual[shift] - before, 0, length)
    start = START + shift // SLOTS * SLOTS * SLOT + shift % SLOTS * SLOT
    came = worked > 0
    return start[came], (start + worked)[came]


def agent_spans(planned: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Split the planned work of shifts among agents, as evenly as whole microseconds allow, at most a slot each.

    Args:
        planned: (shifts,) microseconds of work.

    Returns:
        Of each agent's span: its shift, its place in the shift, its length, and the lengths before it in the shift.
    """
    n_agents = -(-planned // SLOT)
    shift = np.repeat(np.arange(planned.size), n_agents)
    place = np.arange(len(shift)) - np.repeat(np.cumsum(n_agents) - n_agents, n_agents)
    share, rest = planned // n_agents, planned % n_agents
    length = share[shift] + (place < rest[shift])
    return shift, place, length, place * share[shift] + np.minimum(place, rest[shift])


def _serve(asked: Integers, key: Integers, handling: Integers, gives_up: Integers, starts: Integers, ends: Integers) -> Integers:
    """(n,) epoch microseconds of the replies, -1 for none; contacts by arrival, presences by start."""
    replied = [-1] * len(asked)
    asked_list, key_list, handling_list, patience_list = asked.tolist(), key.tolist(), handling.tolist(), gives_up.tolist()
    presences = list(zip(starts.tolist(), ends.tolist(), strict=True))
    waiting: list[tuple[int, int]] = []
    busy: list[tuple[int, int]] = []
    idle: list[int] = []
    next_contact = next_presence = 0
    far = 1 << 62
    asked_list.append(far)
    presences.append((far, far))
    while True:
        at, end = presences[next_presence]
        if busy and busy[0][0] <= at:
            at, end = busy[0]
        arrival = asked_list[next_contact]
        if arrival < at:
            while idle and idle[-1] <= arrival:
                idle.pop()
            if idle:
                # The idle agent who leaves last.
                heappush(busy, (arrival + handling_list[next_contact], idle.pop(0)))
                replied[next_contact] = arrival + handling_list[next_contact]
            else:
                heappush(waiting, (key_list[next_contact], next_contact))
            next_contact += 1
            continue
        if at == far:
            return np.array(replied, dtype=np.int64)
        if busy and busy[0] == (at, end):
            heappop(busy)
        else:
            next_presence += 1
        if end <= at:
            continue
        while waiting and patience_list[waiting[0][1]] < at:
            heappop(waiting)
        if waiting:
            contact = heappop(waiting)[1]
            replied[contact] = at + handling_list[contact]
            heappush(busy, (replied[contact], end))
        else:
            idle.append(end)
            idle.sort(reverse=True)
