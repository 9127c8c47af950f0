"""One company: all its draws, made once, for arrays and for files alike."""

from dataclasses import dataclass

from pipelines.claim.linear import Floats
from pipelines.errors import ConfigError
from pipelines.simulate.answers import Answers, draw_answers
from pipelines.simulate.contacts import Contacts, Outages, draw_contacts, draw_outages
from pipelines.simulate.outcomes import Churn, draw_amounts, draw_churn
from pipelines.simulate.people import Agents, Customers, draw_agents, draw_customers, draw_demand
from pipelines.simulate.reach import Mentions, Reach, draw_mentions, draw_reach
from pipelines.simulate.roster import Roster, draw_roster
from pipelines.simulate.worlds import World


@dataclass(frozen=True)
class Company:
    """A simulated company; matrices are (weeks, customers).

    Args:
        world, seed, n_customers, n_weeks: what it was made from; the same give the same company, bit by bit.
        demand: (weeks,) demand.
        amounts: EUR of the purchase in the week after.
    """

    world: World
    seed: int
    n_customers: int
    n_weeks: int
    demand: Floats
    customers: Customers
    outages: Outages
    roster: Roster
    agents: Agents
    contacts: Contacts
    answers: Answers
    reach: Reach
    mentions: Mentions
    amounts: Floats
    churn: Churn


def simulate(world: World, seed: int, n_customers: int, n_weeks: int) -> Company:
    """Draw a company.

    Args:
        world: parameters of the data-generating process.
        seed: not negative.
        n_customers: at least 20.
        n_weeks: weeks of the panel, at least 4; outcomes are watched for one week more.

    Raises:
        ConfigError: too few customers or weeks, or a negative seed.
    """
    if n_customers < 20 or n_weeks < 4 or seed < 0:
        raise ConfigError("A simulated company needs at least 20 customers, 4 weeks and a seed of 0 or more.")
    customers = draw_customers(world, seed, n_customers, n_weeks)
    demand = draw_demand(world, seed, n_weeks)
    outages = draw_outages(world, seed, n_weeks)
    roster = draw_roster(world, seed, n_customers, n_weeks, outages)
    agents = draw_agents(world, seed, roster.planned)
    contacts = draw_contacts(world, seed, customers, demand, outages)
    answers = draw_answers(world, seed, customers, contacts, roster, agents)
    reach = draw_reach(world, seed, customers, demand)
    mentions = draw_mentions(world, seed, customers, roster)
    amounts = draw_amounts(world, seed, customers, agents, demand, outages, contacts, answers, reach, mentions)
    churn = draw_churn(world, seed, customers, contacts, answers, mentions)
    return Company(
        world, seed, n_customers, n_weeks, demand, customers, outages, roster, agents, contacts, answers, reach, mentions, amounts, churn
    )
