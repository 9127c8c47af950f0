"""Who answers and when: bots within seconds, humans after a wait, or nobody."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.calendar import HOUR, NEVER
from pipelines.simulate.contacts import Contacts
from pipelines.simulate.people import NEUTRAL_TONE_SHARE, Agents, Customers
from pipelines.simulate.priority_queue import queue_waits
from pipelines.simulate.randomness import stream
from pipelines.simulate.roster import Roster
from pipelines.simulate.worlds import World

FLOOR = HOUR // 60
CAP = 72 * HOUR
SHORTEST_HUMAN_WAIT = HOUR // 120
SLA_STEPS = (1 / 3, 1 / 2, 2 / 3)


@dataclass(frozen=True)
class Answers:
    """The answer to each contact.

    Args:
        agent: (n,) code of the agent who replied, or would have.
        human_wait: (n,) microseconds to the first public human reply, NEVER where there is none within 72 hours.
        bot_wait: (n,) microseconds to the bot's answer, NEVER where no bot answered.
        in_trial: (n,) whether the queue-priority trial covers the contact.
        is_treated: (n,) whether the trial put it first.
        tone: (n,) 1 warm, 0 neutral, -1 cold: the human reply's words.
    """

    agent: Integers
    human_wait: Integers
    bot_wait: Integers
    in_trial: np.ndarray
    is_treated: np.ndarray
    tone: Integers

    @property
    def is_human(self) -> np.ndarray:
        """(n,) whether a human answered within 72 hours."""
        return self.human_wait >= 0

    @property
    def is_bot(self) -> np.ndarray:
        """(n,) whether a bot answered, before any human."""
        return self.bot_wait >= 0

    @property
    def responsiveness(self) -> Floats:
        """(n,) -log2(first human reply in hours), floor 1 minute, cap 72 hours, as the warehouse stores it."""
        return capped_responsiveness(self.human_wait)

    @property
    def any_responsiveness(self) -> Floats:
        """(n,) the same of the first answer by whomever."""
        return capped_responsiveness(np.where(self.is_bot, self.bot_wait, self.human_wait))


def capped_responsiveness(wait: Integers) -> Floats:
    """(n,) -log2(hours) of waits in microseconds, NEVER as the cap, to 9 decimals."""
    capped = np.clip(np.where(wait < 0, CAP, wait), FLOOR, CAP)
    return np.round(-np.log2(capped / HOUR), 9)


def service_level_week(world: World, n_weeks: int) -> Integers:
    """(n_brands,) first week of the brand's tightened service level; n_weeks + 1 for never, and with one brand."""
    never = n_weeks + 1
    if world.n_brands == 1:
        return np.array([never])
    steps = [int(n_weeks * share) for share in SLA_STEPS] + [never]
    return np.array([steps[brand % len(steps)] for brand in range(world.n_brands)])


def trial_start_week(world: World, n_weeks: int) -> int:
    """First week of the experiments."""
    return int(n_weeks * world.experiments_start)


def draw_answers(world: World, seed: int, customers: Customers, contacts: Contacts, roster: Roster, agents: Agents) -> Answers:
    """Answers to all contacts."""
    n_contacts, n_weeks = len(contacts), roster.planned.shape[1] - 1
    agent = _assigned(world, seed, contacts, agents)
    in_trial = (contacts.week >= trial_start_week(world, n_weeks)) & (world.trial_share > 0)
    is_treated = in_trial & (stream(seed, "trial").random(n_contacts) < world.trial_share)
    waits = _waits_by_law if world.waits == "law" else _waits_by_queue
    human_wait = waits(world, seed, customers, contacts, roster, agents.log_slowness[agent], is_treated)
    random = stream(seed, "bots")
    is_bot = random.random(n_contacts) < world.bot_share
    is_bot_only = is_bot & (random.random(n_contacts) < world.bot_only_share)
    bot_wait = np.where(is_bot, random.integers(2_000_000, 20_000_000, size=n_contacts), NEVER)
    return Answers(
        agent=agent,
        human_wait=np.where(is_bot_only | (human_wait >= CAP), NEVER, human_wait),
        bot_wait=bot_wait,
        in_trial=in_trial,
        is_treated=is_treated,
        tone=_draw_tones(seed, agents.tone_balance[agent]),
    )


def _assigned(world: World, seed: int, contacts: Contacts, agents: Agents) -> Integers:
    """(n,) agents by lot; of a share of the contacts the most severe go to the fastest agent, and so on."""
    agent = stream(seed, "assignment").integers(len(agents), size=len(contacts))
    if world.assignment_by_severity > 0:
        is_routed = stream(seed, "routing").random(len(contacts)) < world.assignment_by_severity
        place = np.argsort(np.argsort(-contacts.tagged_severity - contacts.untagged_severity, kind="stable"), kind="stable")
        by_speed = np.argsort(agents.log_slowness, kind="stable")
        agent = np.where(is_routed, by_speed[place * len(agents) // max(len(contacts), 1)], agent)
    return agent


def log_load(contacts: Contacts, roster: Roster) -> Floats:
    """(shifts,) ln(arrivals / actual agent-hours); -inf without arrivals."""
    arrivals = np.bincount(contacts.shift, minlength=roster.actual.size)
    with np.errstate(divide="ignore"):
        return np.log(arrivals) - np.log(roster.actual.ravel() / HOUR)


def _waits_by_law(
    world: World, seed: int, customers: Customers, contacts: Contacts, roster: Roster, slowness: Floats, is_treated: np.ndarray
) -> Integers:
    """(n,) waits in microseconds: log-linear in load, severity, value, skill and chance."""
    level_week = service_level_week(world, roster.planned.shape[1] - 1)[customers.brand[contacts.customer]]
    log_hours = (
        world.log_wait
        + world.wait_load_elasticity * log_load(contacts, roster)[contacts.shift]
        - world.urgency_of_tagged * contacts.tagged_severity
        - world.urgency_of_untagged * contacts.untagged_severity
        - world.urgency_of_value * customers.value[contacts.customer]
        + slowness
        + world.wait_noise_sd * stream(seed, "waits").normal(size=len(contacts))
        - world.trial_speedup * is_treated
        - world.service_level_gain * np.log(2) * (contacts.week >= level_week)
    )
    # Beyond the cap all waits are the same: never.
    hours = np.exp(np.minimum(log_hours, np.log(CAP / HOUR)))
    return np.maximum(np.round(hours * HOUR).astype(np.int64), SHORTEST_HUMAN_WAIT)


def _waits_by_queue(
    world: World, seed: int, customers: Customers, contacts: Contacts, roster: Roster, slowness: Floats, is_treated: np.ndarray
) -> Integers:
    """(n,) waits in microseconds from the priority queue; the law's gains in ln wait count as units of urgency."""
    random = stream(seed, "handling")
    level_week = service_level_week(world, roster.planned.shape[1] - 1)[customers.brand[contacts.customer]]
    urgency = (
        world.urgency_of_tagged * contacts.tagged_severity
        + world.urgency_of_untagged * contacts.untagged_severity
        + world.urgency_of_value * customers.value[contacts.customer]
        + world.trial_speedup * is_treated
        + world.service_level_gain * np.log(2) * (contacts.week >= level_week)
    )
    spread = world.handling_sd * random.normal(size=len(contacts)) - world.handling_sd**2 / 2
    handling = world.handling_hours * np.exp(spread + slowness)
    patience = random.exponential(world.patience_hours, size=len(contacts))
    waits = queue_waits(contacts, roster, world.head_start_hours * urgency, handling, patience)
    return np.where(waits < 0, CAP, np.maximum(waits, SHORTEST_HUMAN_WAIT))


def _draw_tones(seed: int, balance: Floats) -> Integers:
    """(n,) tones whose mean, given the agent, is the agent's balance."""
    chance = stream(seed, "tones").random(len(balance))
    is_warm = chance < (1 - NEUTRAL_TONE_SHARE + balance) / 2
    return np.where(is_warm, 1, np.where(chance < 1 - NEUTRAL_TONE_SHARE, -1, 0)).astype(np.int64)
