"""What estimators read: the panel of customers by week, and the turns behind it, as arrays.

The warehouse fills them from the claim marts, the simulator from its own company; the names of the optional
columns are those of the marts' columns. A column that the data do not offer is absent, never zero.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipelines.claim.linear import Floats, Integers

BroadcastReach = Literal["customer", "brand"]
Sample = TypeVar("Sample", "Panel", "Turns")

NO_SHIFT = -1
"""Code of rows without a turn, which no shift answered."""
NO_AGENT = -1
"""Code of rows without an agent."""


@dataclass(frozen=True)
class Panel:
    """One row per customer, brand and week.

    Args:
        customer, brand, week: (n,) codes from 0; a person who is a customer of two brands has two codes.
        turns: (n,) turns opened in the week.
        responsiveness: (n,) sum over the turns of -log2(first human reply in hours), capped; 0 without turns.
        broadcast: (n,) broadcast lever, log1p of the adstock, by adstock rate.
        broadcast_reach: whether the broadcast lever is known per customer or only per brand and week.
        outcome: (n,) in the unit of the plan.
        shift: (n,) code of the shift (queue, week and slot) of the week's first turn, NO_SHIFT without turns;
            None without a roster.
        slot: (n,) code of queue and slot of the week, 0 without turns; None without a roster.
        columns: (n,) further columns by the name of the mart's column:
            `total_shortfall`, `total_log_arrivals`, `total_load`: sums over turns of ln(planned / actual agent-hours),
                ln(arrivals) and ln(arrivals / actual agent-hours) of the turn's shift;
            `total_next_shortfall`, `total_other_shortfall`: the same of the shift one week later, and of a slot of
                the same week that the customer did not ask in;
            `is_incident`: 1 where a turn fell into a shift with arrivals above the incident threshold;
            `n_severity_1` to `n_severity_5`: turns by severity level, the most frequent left out;
            `targeting_score`: recorded score of the week's sends, the last one known carried forward;
            `n_trial_treated`, `n_trial_turns`: turns in the treated arm of a reply-time trial, and turns in the trial;
            `is_holdout`: 1 from the week in which the customer entered the broadcast holdout;
            `n_human_replies`, `n_delivered_sends`, `n_reachable_posts`: what reached the customer in the week;
            `log_adstock_touches`, `log_adstock_posts`: sales touches and organic posts at the primary adstock rate;
            `automated_share_low`, `automated_share_high`: scheduled share of the posts that could reach the customer,
                unknown client programs counted as organic and as scheduled; NaN in weeks without posts;
            `n_human_first`, `n_bot_first`, `n_handed_off`: turns first answered by a human, by a bot alone, by a bot
                and then a human; `total_any_responsiveness`: responsiveness of the first answer by whomever;
            `total_warmth`: sum over turns of the replier's warmth, the customer's own replies left out, centred;
            `total_agent_leave_one_out`, `n_leave_one_out_turns`: sum over turns of how much faster than its cell the agent
                who replied answers all other customers, and the turns of which that is known;
            `n_mentions`, `n_mentions_answered`: public mentions, and those that a human answered within 72 hours.
        first_week, last_week: Mondays; None for an empty panel.
        agent: (n,) code of the agent of the week's first turn with `total_agent_leave_one_out`, NO_AGENT without one;
            None where no turn has it.
    """

    customer: Integers
    brand: Integers
    week: Integers
    turns: Floats
    responsiveness: Floats
    broadcast: dict[float, Floats]
    broadcast_reach: BroadcastReach
    outcome: Floats
    shift: Integers | None
    slot: Integers | None
    columns: dict[str, Floats]
    first_week: date | None
    last_week: date | None
    agent: Integers | None = None

    def __len__(self) -> int:
        return len(self.outcome)

    def rows(self, keep: NDArray[np.bool_]) -> "Panel":
        """The panel's rows where `keep` (n,) is true."""
        return _select(self, lambda values: values[keep])

    def column(self, name: str) -> Floats | None:
        """A further column, or None where the data do not offer it."""
        return self.columns.get(name)


@dataclass(frozen=True)
class Turns:
    """One row per turn that carries a dose.

    Args:
        customer, brand, week: (n,) codes from 0, the customer's as in the panel.
        shift, slot: (n,) codes; None without a roster.
        agent: (n,) code of the human who replied first, -1 for none.
        responsiveness: (n,) -log2(first human reply in hours), capped.
        columns: (n,) `shortfall`, `log_arrivals`, `load`, `is_incident`, `n_severity_1` to `n_severity_5` as in the
            panel; `churned`: 1 where the customer's subscription ended within the plan's landmark window, 0 where
            it was watched to the window's end and did not, NaN where not at risk or not watched.
    """

    customer: Integers
    brand: Integers
    week: Integers
    shift: Integers | None
    slot: Integers | None
    agent: Integers
    responsiveness: Floats
    columns: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.responsiveness)

    def rows(self, keep: NDArray[np.bool_]) -> "Turns":
        """The turns where `keep` (n,) is true."""
        return _select(self, lambda values: values[keep])


def _select(sample: Sample, choose: Callable[[NDArray[Any]], NDArray[Any]]) -> Sample:
    changed = {}
    for field in fields(sample):
        value = getattr(sample, field.name)
        if isinstance(value, np.ndarray):
            changed[field.name] = choose(value)
        elif isinstance(value, dict):
            changed[field.name] = {name: choose(column) for name, column in value.items()}
    return replace(sample, **changed)
