"""Which designs the data offer for each lever, strongest first, and what a stronger one would take."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.claim.linear import Floats
from pipelines.claim.sample import Panel

DesignName = Literal["experiment", "roster", "agent", "adjusted", "descriptive"]
DESIGN_NAMES: tuple[DesignName, ...] = ("experiment", "roster", "agent", "adjusted")
MIN_ARM_UNITS = 20
MIN_SHIFTS = 30
MIN_AGENTS = 20
BUNDLE = ", with all else that tells faster agents apart"
"""What the agent instrument moves beside the reply's time, to be said wherever its estimate stands."""


@dataclass(frozen=True)
class Offer:
    """One design for one lever.

    Args:
        lever: `responsiveness` or `broadcast`.
        design: name as in the plan.
        label: name for readers.
        grade: evidence grade, A (randomised) to D (descriptive).
        is_offered: whether the data allow it.
        reason: why it is offered or not.
        to_record: what to record to get it; empty where it is offered.
    """

    lever: Literal["responsiveness", "broadcast"]
    design: DesignName
    label: str
    grade: Literal["A", "B", "C", "D"]
    is_offered: bool
    reason: str
    to_record: str


@dataclass(frozen=True)
class Choice:
    """The designs in use, and every design that was considered, strongest first."""

    responsiveness: Offer
    broadcast: Offer
    considered: tuple[Offer, ...]

    @property
    def label(self) -> str:
        """Both designs in words."""
        if self.responsiveness.design == "adjusted" and self.broadcast.design != "experiment":
            return "adjusted within-customer"
        return f"{self.responsiveness.label}; broadcast: {self.broadcast.label}"


def choose(panel: Panel, allowed: tuple[str, ...], agent_imbalance: str | None = None) -> Choice:
    """Take the strongest design of each lever that the plan allows and the data offer.

    Args:
        panel: the sample.
        allowed: the plan's designs; the adjusted and the descriptive one are always there to fall back on.
        agent_imbalance: why agents can't be taken as dealt out by lot; None where nothing speaks against it, or where
            nobody looked.
    """
    considered = (*_responsiveness_offers(panel, agent_imbalance), *_broadcast_offers(panel))
    usable = [
        offer for offer in considered if offer.is_offered and (offer.design in allowed or offer.design in ("adjusted", "descriptive"))
    ]
    return Choice(
        responsiveness=next(offer for offer in usable if offer.lever == "responsiveness"),
        broadcast=next(offer for offer in usable if offer.lever == "broadcast"),
        considered=considered,
    )


def _responsiveness_offers(panel: Panel, agent_imbalance: str | None) -> list[Offer]:
    treated, entered = panel.column("n_trial_treated"), panel.column("n_trial_turns")
    n_treated = int(np.nansum(treated)) if treated is not None else 0
    n_usual = int(np.nansum(entered)) - n_treated if entered is not None else 0
    n_shifts, n_agents = _n_rostered_shifts(panel), _n_agents(panel)
    return [
        Offer(
            "responsiveness", "experiment", "randomised queue priority", "A",
            min(n_treated, n_usual) >= MIN_ARM_UNITS,
            f"{n_treated} turns were given priority by lot, {n_usual} were not",
            f"A queue-priority trial: at least {MIN_ARM_UNITS} turns in each arm in table experiments "
            "(`twoway experiment assign --lever responsiveness`).",
        ),
        Offer(
            "responsiveness", "roster", "roster instrument", "B",
            n_shifts >= MIN_SHIFTS,
            f"{n_shifts} shifts with turns have planned and actual hours" + _constant_shortfall(panel),
            f"The roster: planned and actual hours of at least {MIN_SHIFTS} shifts in support_shifts (`twoway roster template`).",
        ),
        Offer(
            "responsiveness", "agent", "agent leave-one-out (a bundle)", "B",
            n_agents >= MIN_AGENTS and agent_imbalance is None,
            f"{n_agents} agents shared queues and shifts" + (f"; {agent_imbalance}" if agent_imbalance else ""),
            f"Who replied first to each ticket (author_id of support_messages), for at least {MIN_AGENTS} agents who share queues and "
            "shifts and take tickets in turn, and how severe each ticket is (severity_tag or priority).",
        ),
        Offer("responsiveness", "adjusted", "adjusted within-customer", "C", True, "the same customers' other weeks", ""),
    ]  # fmt: skip


def _broadcast_offers(panel: Panel) -> list[Offer]:
    holdout = panel.column("is_holdout")
    held = int(np.nansum(holdout > 0)) if holdout is not None else 0
    known = int(np.isfinite(holdout).sum()) if holdout is not None else 0
    return [
        Offer(
            "broadcast", "experiment", "randomised holdout", "A",
            min(held, known - held) >= MIN_ARM_UNITS,
            f"{held} customer-weeks were held out by lot",
            "An always-on holdout of 5 to 10 % of the customers in table experiments (`twoway experiment assign --lever broadcast`).",
        ),
        Offer(
            "broadcast", "adjusted", "adjusted within-customer", "C",
            panel.broadcast_reach == "customer",
            "what was delivered to each customer is known"
            + (", with the recorded targeting score" if panel.column("targeting_score") is not None else ", without a targeting score")
            if panel.broadcast_reach == "customer" else "broadcasts are known per brand and week only",
            "Broadcasts per customer: crm_campaign_sends with the targeting score, or social_follows.",
        ),
        Offer("broadcast", "descriptive", "descriptive", "D", True, "only time tells exposed from unexposed weeks", ""),
    ]  # fmt: skip


def _n_rostered_shifts(panel: Panel) -> int:
    shortfall = panel.column("total_shortfall")
    if panel.shift is None or shortfall is None or not _varies(shortfall):
        return 0
    rostered = (panel.shift >= 0) & np.isfinite(shortfall)
    return len(np.unique(panel.shift[rostered]))


def _n_agents(panel: Panel) -> int:
    instrument = panel.column("total_agent_leave_one_out")
    if panel.agent is None or not _varies(instrument):
        return 0
    return len(np.unique(panel.agent[panel.agent >= 0]))


def _constant_shortfall(panel: Panel) -> str:
    shortfall = panel.column("total_shortfall")
    return ", but actual hours never differed from planned ones" if shortfall is not None and not _varies(shortfall) else ""


def _varies(values: Floats | None) -> bool:
    return values is not None and bool(np.nanmax(values, initial=-np.inf) > np.nanmin(values, initial=np.inf))
