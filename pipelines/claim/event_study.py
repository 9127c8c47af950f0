"""What happened round the weeks in which brands tightened their first-reply targets (Callaway and Sant'Anna 2021).

Exploratory: the change was the company's own choice, often made after bad weeks, so that it never decides a claim.
"""

from dataclasses import dataclass
from math import ceil, isfinite
from typing import Literal

import numpy as np

from pipelines.claim.difference_in_differences import Effect, StaggeredEffects, staggered_effects
from pipelines.claim.linear import Floats, Integers, NotIdentifiedError
from pipelines.claim.multiplicity import one_sided_critical_value
from pipelines.claim.sample import Panel

CLAIM = "C1"
WEEKS_BEFORE, WEEKS_AFTER = 8, 12
MIN_COHORTS = 2
LEVEL = 0.95
# Influence functions held at once: beyond this every second, third, … customer is kept.
MAX_CELLS = 50_000_000

Phase = Literal["before", "partly_after", "after"]
Control = Literal["never_treated", "not_yet_treated"]


@dataclass(frozen=True)
class EventStudyPoint:
    """One week before or since the change: a row of `claim.event_study`. Field order is the table's column order.

    Args:
        point_id, claim_id: the row and the claim.
        measure: `outcome` or `responsiveness`, both per customer-week over the whole base.
        unit: of the estimate.
        event_time_weeks: weeks since the change; None for the row that says why there is no estimate.
        phase: `before`; `partly_after` where the outcome's window reaches past the change; `after`.
        estimate, se: average effect on the treated over cohorts; before the change the step from one week to the next.
        ci95_lo, ci95_hi: pointwise interval.
        simultaneous_lo, simultaneous_hi: interval that holds all weeks at once.
        n_cohorts: weeks of change behind the estimate.
        n_customers: customers compared, those of brands without a change among them.
        control: brands compared with, `never_treated` or `not_yet_treated`.
        reason: why there is no estimate.
    """

    point_id: str
    claim_id: str
    measure: str
    unit: str
    event_time_weeks: int | None = None
    phase: Phase | None = None
    estimate: float | None = None
    se: float | None = None
    ci95_lo: float | None = None
    ci95_hi: float | None = None
    simultaneous_lo: float | None = None
    simultaneous_hi: float | None = None
    n_cohorts: int | None = None
    n_customers: int | None = None
    control: str | None = None
    reason: str | None = None


def event_study(panel: Panel, first_treated: Floats, outcome_unit: str, horizon_weeks: int, seed: int = 0) -> list[EventStudyPoint]:
    """Effects by week since the change, on the outcome and on responsiveness.

    Units are customers that were watched in every week of the study. Their intervals tell the chance of customers; a
    shock that hits a whole brand is not in them.

    Args:
        panel: the sample.
        first_treated: (n_brands,) code of the first week with a tighter target, by the brand's code; infinite for never.
        outcome_unit: unit of the outcome.
        horizon_weeks: weeks t+1 to t+horizon over which the outcome is counted.
        seed: of the simultaneous intervals' integral.

    Returns:
        Rows in order of measure and week; for a measure that can't be estimated one row with the reason.
    """
    measures = [
        ("outcome", outcome_unit, panel.outcome, horizon_weeks - 1),
        ("responsiveness", "halvings of the reply time, summed over the week's questions, per customer", panel.responsiveness, 0),
    ]
    rows = []
    for measure, unit, values, lead in measures:
        try:
            rows += _points(panel, values, first_treated, lead, measure, unit, seed)
        except NotIdentifiedError as error:
            rows.append(EventStudyPoint(f"{CLAIM}|{measure}|none", CLAIM, measure, unit, reason=str(error)))
    return rows


def _points(panel: Panel, values: Floats, first_treated: Floats, lead: int, measure: str, unit: str, seed: int) -> list[EventStudyPoint]:
    """`lead` weeks before the change the outcome's window reaches it already: adoption counts from there."""
    cohorts = _cohorts(panel, first_treated, lead)
    first = max(int(panel.week.min()), int(cohorts[0]) - lead - WEEKS_BEFORE - 1)
    last = min(int(panel.week.max()), int(cohorts[-1]) + WEEKS_AFTER)
    weeks = np.arange(first, last + 1)
    outcome, brand = _balanced(panel, values, weeks, len(cohorts))
    adopted = first_treated[brand] - lead
    control: Control = "never_treated" if np.any(adopted > last) else "not_yet_treated"
    found = staggered_effects(outcome, weeks, adopted, control, LEVEL)
    shown = {e - lead: effect for e, effect in found.by_event_time.items() if -WEEKS_BEFORE - lead <= e - lead <= WEEKS_AFTER}
    reach = _simultaneous(list(shown.values()), seed)
    return [
        EventStudyPoint(
            point_id=f"{CLAIM}|{measure}|{week:+d}", claim_id=CLAIM, measure=measure, unit=unit, event_time_weeks=week,
            phase="after" if week >= 0 else "partly_after" if week >= -lead else "before",
            estimate=effect.estimate, se=effect.se, ci95_lo=effect.ci_lo, ci95_hi=effect.ci_hi,
            simultaneous_lo=effect.estimate - reach * effect.se, simultaneous_hi=effect.estimate + reach * effect.se,
            n_cohorts=_n_cohorts(found, week + lead), n_customers=found.n_units, control=control,
        )
        for week, effect in shown.items()
    ]  # fmt: skip


def _cohorts(panel: Panel, first_treated: Floats, lead: int) -> Floats:
    """Weeks of change that lie within the panel, in order."""
    if not len(panel):
        raise NotIdentifiedError("the panel is empty")
    known = first_treated[np.unique(panel.brand)]
    if not np.any(np.isfinite(known)):
        raise NotIdentifiedError("no brand's target for the first reply was tightened on record")
    within = np.unique(known[(known - lead > panel.week.min()) & (known <= panel.week.max())])
    if len(within) < MIN_COHORTS:
        weeks = "no week" if not len(within) else "one week only"
        raise NotIdentifiedError(f"brands tightened their targets in {weeks} of those that were watched; {MIN_COHORTS} are needed")
    return within


def _balanced(panel: Panel, values: Floats, weeks: Integers, n_cohorts: int) -> tuple[Floats, Integers]:
    """Outcomes (n, weeks) of customers watched in all the weeks, and their brands (n,)."""
    within = (panel.week >= weeks[0]) & (panel.week <= weeks[-1])
    customer, brand, week, inside = panel.customer[within], panel.brand[within], panel.week[within], values[within]
    always = np.flatnonzero(np.bincount(customer) == len(weeks))
    always = always[:: max(1, ceil(len(always) * len(weeks) * n_cohorts / MAX_CELLS))]
    if not len(always):
        raise NotIdentifiedError("no customer was watched in every week round the changes")
    kept = np.isin(customer, always)
    order = np.lexsort((week[kept], customer[kept]))
    shape = (len(always), len(weeks))
    return inside[kept][order].reshape(shape), brand[kept][order].reshape(shape)[:, 0]


def _n_cohorts(found: StaggeredEffects, event_time: int) -> int:
    return sum(1 for cell in found.group_time if cell.period - cell.group == event_time)


def _simultaneous(effects: list[Effect], seed: int) -> float:
    """Critical value of the largest |t| over all weeks, from the effects' joint influence functions."""
    influence = np.array([effect.influence for effect in effects if isfinite(effect.se) and effect.se > 0])
    if not len(influence):
        raise NotIdentifiedError("the customers do not differ")
    scaled = influence / np.sqrt((influence**2).sum(axis=1))[:, None]
    correlation = scaled @ scaled.T
    both_sides = np.block([[correlation, -correlation], [-correlation, correlation]])
    return one_sided_critical_value(both_sides, float("inf"), LEVEL, seed)
