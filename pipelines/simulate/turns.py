"""Everything that a customer may await a reply to: tickets and public mentions, as one list of turns."""

from dataclasses import dataclass

import numpy as np

from pipelines.claim.linear import Floats, Integers
from pipelines.simulate.company import Company

NOT_TAGGED = -1
NO_AGENT = -1


@dataclass(frozen=True)
class TurnList:
    """Turns: the contacts, then the mentions.

    Args:
        customer, week, queue, slot, shift: (n,) codes; mentions wait in the last queue.
        asked_at: (n,) epoch microseconds.
        human_wait: (n,) microseconds, -1 where no human answered within 72 hours.
        responsiveness, any_responsiveness: (n,) of the first human answer, and of the first by whomever.
        is_human, is_bot: (n,) who answered.
        severity_level: (n,) 0 to 4, NOT_TAGGED for mentions.
        agent: (n,) code of the agent who replied; NO_AGENT for none, for the social desk its own code.
        warmth: (n,) mean tone of the agent's replies to other customers, centred; 0 without an agent.
        in_trial, is_treated: (n,) of the queue-priority trial.
    """

    customer: Integers
    week: Integers
    queue: Integers
    slot: Integers
    shift: Integers
    asked_at: Integers
    human_wait: Integers
    responsiveness: Floats
    any_responsiveness: Floats
    is_human: np.ndarray
    is_bot: np.ndarray
    severity_level: Integers
    agent: Integers
    warmth: Floats
    in_trial: np.ndarray
    is_treated: np.ndarray

    def __len__(self) -> int:
        return len(self.customer)


def turn_list(company: Company) -> TurnList:
    """All turns of a company."""
    contacts, answers, mentions = company.contacts, company.answers, company.mentions
    n_mentions = len(mentions.customer)
    neither = np.zeros(n_mentions, dtype=bool)
    desk = len(company.agents) + company.customers.brand[mentions.customer]

    def both(of_contacts: np.ndarray, of_mentions: np.ndarray) -> np.ndarray:
        return np.concatenate([of_contacts, of_mentions])

    return TurnList(
        customer=both(contacts.customer, mentions.customer),
        week=both(contacts.week, mentions.week),
        queue=both(contacts.queue, np.full(n_mentions, company.world.n_queues)),
        slot=both(contacts.slot, mentions.slot),
        shift=both(contacts.shift, mentions.shift),
        asked_at=both(contacts.asked_at, mentions.at),
        human_wait=both(answers.human_wait, mentions.wait),
        responsiveness=both(answers.responsiveness, mentions.responsiveness),
        any_responsiveness=both(answers.any_responsiveness, mentions.responsiveness),
        is_human=both(answers.is_human, mentions.is_answered),
        is_bot=both(answers.is_bot, neither),
        severity_level=both(contacts.severity_level, np.full(n_mentions, NOT_TAGGED)),
        agent=both(np.where(answers.is_human, answers.agent, NO_AGENT), np.where(mentions.is_answered, desk, NO_AGENT)),
        warmth=both(_warmth(company), np.zeros(n_mentions)),
        in_trial=both(answers.in_trial, neither),
        is_treated=both(answers.is_treated, neither),
    )


def _warmth(company: Company) -> Floats:
    """(contacts,) see `TurnList.warmth`."""
    contacts, answers = company.contacts, company.answers
    replied = answers.is_human
    agent, tone = answers.agent[replied], answers.tone[replied].astype(np.float64)
    n_agents = len(company.agents)
    pair = np.unique(contacts.customer[replied] * n_agents + agent, return_inverse=True)[1]
    n_others = np.bincount(agent, minlength=n_agents)[agent] - np.bincount(pair)[pair]
    total_others = np.bincount(agent, weights=tone, minlength=n_agents)[agent] - np.bincount(pair, weights=tone)[pair]
    is_known = n_others > 0
    mean_of_others = np.divide(total_others, n_others, out=np.zeros(len(agent)), where=is_known)
    warmth = np.zeros(len(contacts))
    if is_known.any():
        warmth[replied] = np.where(is_known, mean_of_others - mean_of_others[is_known].mean(), 0.0)
    return warmth
