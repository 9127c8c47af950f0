"""The worlds a company can live in: every parameter of the data-generating process, with its unit."""

from dataclasses import dataclass, replace
from typing import Literal

from pipelines.errors import ConfigError

Waits = Literal["law", "queue"]


@dataclass(frozen=True)
class World:
    """Parameters of a simulated company. "y" is the outcome: EUR per customer-week.

    Args:
        name: name of the world.
        sesoi: m, smallest effect of interest on y.

        responsiveness_effect: beta_R, y per halving of the first human reply's time.
        broadcast_effect: beta_B, y per log point of adstocked delivered sends.
        posts_effect, touches_effect: y per log point of adstocked reachable posts, and of sales touches.
        automation_linear, automation_square: tau_1 and tau_2, y = tau_1 a - tau_2 a^2 of the automated share a of posts.
        human_first_premium: y where a human, not a bot, gives the first answer, at the same human reply time.
        warmth_effect: y per standard deviation of the replying agent's warmth.
        mention_answered_effect: y where a public mention is answered within 72 hours, beside what its speed does.
        churn_effect: churn probability within 13 weeks per halving of a subscriber's reply time.

        contact_cost, mention_cost: y lost by having to ask, and by having to complain in public.
        tagged_severity_effect, untagged_severity_effect: y lost per standard deviation of a ticket's severity.
        outage_harm: y lost by a customer whom an outage hits.
        shift_shock_sd: standard deviation of the shock to y that all contacts of a shift share.
        value_effect: y per standard deviation of the customer's value.
        taste_sd: standard deviation of the customer's own level of y, beside value.
        targeting_score_effect: y per unit of the recorded targeting score.
        demand_seasonality: amplitude of the yearly wave of demand, which enters y as it is.
        noise_sd, noise_persistence: innovation standard deviation and autoregression of y's weekly noise.

        contact_rate: probability of an own problem in a customer-week at average demand.
        contact_demand: log points of the contact rate per unit of demand.
        outage_rate: probability that a shift has an outage.
        outage_hit_rate: share of customers who contact the company because of it.
        small_outage_rate: probability that a shift has an outage too small to be told by its arrivals.
        small_outage_size: contacts because of it, as a multiple of the slot's usual contacts.
        small_outage_harm: y lost by those who ask in the small outage's shift or the 11 slots after it.
        small_outage_roster_cut, small_outage_neighbour_cut: log agent-hours lost in its shift, and in the two beside it.
        small_outage_severity: standard deviations by which severity rises in these three shifts.

        n_queues: queues of tickets; contacts choose one at random. Mentions wait in a queue of their own.
        n_agents: agents, more where the roster needs them.
        agent_hours_per_contact: planned agent-hours per expected contact.
        shortfall_shape, shortfall_scale: gamma distribution of the shortfall ln(planned / actual agent-hours).

        waits: `law`, a log-linear law of waits, or `queue`, an event-by-event priority queue.
        log_wait: ln of the first human reply in hours at par load and average severity (law).
        wait_load_elasticity: ln wait per ln load (law).
        urgency_of_tagged, urgency_of_untagged, urgency_of_value: ln wait saved per standard deviation of a ticket's
            tagged and untagged severity and of the customer's value; in the queue, of its head start.
        head_start_hours: hours of waiting that one unit of urgency is worth (queue).
        assignment_by_severity: share of contacts that are not dealt out by lot: the more severe, the faster the agent.
        agent_skill_sd: standard deviation over agents of ln wait (law), of ln handling time (queue).
        wait_noise_sd: standard deviation of ln wait left to chance (law).
        handling_hours: mean agent-hours to answer a contact (queue).
        handling_sd: standard deviation of ln handling time (queue).
        patience_hours: mean time after which a customer gives up silently (queue).

        bot_share: share of contacts that a bot answers within seconds.
        bot_only_share: share of those that no human answers afterwards.

        targeted_sends: mean targeted sends per customer-week, beside the weekly digest.
        targeting_by_score, targeting_by_demand, targeting_by_value: log points of that mean per unit.
        posts_per_week: mean posts of each regional brand account.
        unknown_client_share: share of posts of which nobody knows whether they were scheduled.
        touch_rate: mean sales touches per customer-week.
        mention_rate: probability of a public mention in a customer-week.
        mention_answer_rate: share answered within 72 hours, for a customer of average value.
        mention_answer_by_value: the same share, per standard deviation of value.
        mention_answer_by_shortfall: share lost per log point of the social desk's shortfall.
        log_mention_wait, mention_wait_sd: mean and standard deviation of ln hours to answer a mention.

        subscriber_share: share of customers with a subscription at the start.
        churn_rate: churn probability within 13 weeks per contact at reference.
        churn_by_tagged, churn_by_untagged, churn_by_value: churn probability per standard deviation.
        attrition_share: share of customers who leave for good at a random week.

        holdout_share: share of customers in the broadcast holdout.
        trial_share: share of tickets that the queue-priority trial puts first; 0 for no trial.
        trial_speedup: ln wait saved by the trial's priority.
        experiments_start: share of the weeks after which the experiments begin.
        n_brands: brands; 1 or 8.
        service_level_gain: halvings of the reply time by the tightened service level (8 brands).
    """

    name: str
    sesoi: float = 0.010

    responsiveness_effect: float = 0.20
    broadcast_effect: float = 0.02
    posts_effect: float = 0.0
    touches_effect: float = 0.0
    automation_linear: float = 0.0
    automation_square: float = 0.0
    human_first_premium: float = 0.0
    warmth_effect: float = 0.0
    mention_answered_effect: float = 0.0
    churn_effect: float = 0.0

    contact_cost: float = 0.25
    mention_cost: float = 0.10
    tagged_severity_effect: float = 0.30
    untagged_severity_effect: float = 0.40
    outage_harm: float = 0.60
    shift_shock_sd: float = 0.25
    value_effect: float = 0.50
    taste_sd: float = 0.50
    targeting_score_effect: float = 0.15
    demand_seasonality: float = 0.25
    noise_sd: float = 0.80
    noise_persistence: float = 0.30

    contact_rate: float = 0.07
    contact_demand: float = 0.15
    outage_rate: float = 0.02
    outage_hit_rate: float = 0.05
    small_outage_rate: float = 0.0
    small_outage_size: float = 1.2
    small_outage_harm: float = 0.60
    small_outage_roster_cut: float = 0.50
    small_outage_neighbour_cut: float = 0.15
    small_outage_severity: float = 0.80

    n_queues: int = 1
    n_agents: int = 24
    agent_hours_per_contact: float = 1.0
    shortfall_shape: float = 2.0
    shortfall_scale: float = 0.10

    waits: Waits = "law"
    log_wait: float = 0.7
    wait_load_elasticity: float = 0.90
    urgency_of_tagged: float = 0.50
    urgency_of_untagged: float = 0.50
    urgency_of_value: float = 0.25
    assignment_by_severity: float = 0.0
    agent_skill_sd: float = 0.25
    wait_noise_sd: float = 0.60
    head_start_hours: float = 12.0
    handling_hours: float = 0.60
    handling_sd: float = 0.50
    patience_hours: float = 240.0

    bot_share: float = 0.10
    bot_only_share: float = 0.20

    targeted_sends: float = 1.0
    targeting_by_score: float = 0.40
    targeting_by_demand: float = 0.50
    targeting_by_value: float = 0.15
    posts_per_week: float = 10.0
    unknown_client_share: float = 0.05
    touch_rate: float = 0.05
    mention_rate: float = 0.02
    mention_answer_rate: float = 0.55
    mention_answer_by_value: float = 0.10
    mention_answer_by_shortfall: float = 0.50
    log_mention_wait: float = 1.0
    mention_wait_sd: float = 1.0

    subscriber_share: float = 0.60
    churn_rate: float = 0.20
    churn_by_tagged: float = 0.06
    churn_by_untagged: float = 0.08
    churn_by_value: float = -0.01
    attrition_share: float = 0.0

    holdout_share: float = 0.0
    trial_share: float = 0.0
    trial_speedup: float = 0.70
    experiments_start: float = 0.25
    n_brands: int = 1
    service_level_gain: float = 1.0


TRUE = World(name="true", mention_answered_effect=0.05, warmth_effect=0.05, churn_effect=-0.02)
NULL = World(name="null", responsiveness_effect=0.0, broadcast_effect=0.0)

WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        TRUE,
        replace(TRUE, name="false", responsiveness_effect=0.01, broadcast_effect=0.30),
        NULL,
        replace(
            NULL,
            name="confounded",
            untagged_severity_effect=0.8,
            urgency_of_untagged=0.8,
            urgency_of_value=0.6,
            value_effect=1.0,
            targeting_score_effect=0.4,
            targeting_by_score=0.6,
            outage_harm=1.0,
            outage_rate=0.03,
        ),
        replace(
            TRUE,
            name="unconfounded",
            responsiveness_effect=0.10,
            tagged_severity_effect=0.0,
            untagged_severity_effect=0.0,
            urgency_of_tagged=0.0,
            urgency_of_untagged=0.0,
            urgency_of_value=0.0,
            value_effect=0.0,
            outage_rate=0.0,
            targeting_by_score=0.0,
            targeting_by_demand=0.0,
            targeting_by_value=0.0,
            targeting_score_effect=0.0,
            mention_answer_by_value=0.0,
            churn_by_tagged=0.0,
            churn_by_untagged=0.0,
            churn_by_value=0.0,
        ),
        replace(TRUE, name="inverted_u", automation_linear=0.80, automation_square=1.00, unknown_client_share=0.0),
        replace(TRUE, name="staggered", n_brands=8),
        replace(TRUE, name="holdout", holdout_share=0.20, trial_share=0.50),
        replace(TRUE, name="weak_instrument", shortfall_scale=0.005),
        replace(NULL, name="broken_instrument", small_outage_rate=0.04),
        replace(TRUE, name="bot_heavy", bot_share=0.50, bot_only_share=0.30, human_first_premium=0.15),
    )
}


def world_named(name: str) -> World:
    """The world of that name.

    Raises:
        ConfigError: there is none; lists the worlds.
    """
    if name not in WORLDS:
        raise ConfigError(f"There is no world {name!r}. Worlds: {', '.join(WORLDS)}.")
    return WORLDS[name]
