"""What a company of this size can find: from its published sample now, and from each trial it could run. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipelines.experiment.power import (
    design_effect,
    detectable_effect,
    growth_needed,
    instrument_se,
    power_at,
    repeated_variance,
    two_arm_se,
    two_arm_units,
)

# Longer trials are not worth planning by this table.
MOST_WEEKS = 520


@dataclass(frozen=True)
class Precision:
    """A published estimate's standard error and degrees of freedom."""

    lever: str
    design: str
    grade: str
    se: float
    df: float


@dataclass(frozen=True)
class Company:
    """The sizes that a plan rests on.

    Args:
        matters: the smallest effect of interest, in the outcome's unit per customer-week.
        horizon_weeks: length of the outcome's window.
        n_customers: customer units.
        n_tickets: tickets with an exposure in the published sample.
        n_weeks: weeks of the published sample.
        tickets_per_week: of the last year.
        outcome_sd: standard deviation of a customer-week's outcome.
        outcome_icc: correlation of two weeks of one customer.
        contact_sd: standard deviation of the outcome over weeks with a turn.
        contact_icc: correlation of two such weeks of one customer.
        turns_per_customer: such weeks per customer.
        turns_cv: their coefficient of variation.
        turn_sd: standard deviation of one turn's responsiveness, in halvings.
        shift_size: turns in the shift of the average turn, shifts being 8 hours of a brand.
        contact_rate: turns per customer-week over the whole base.
        responsiveness_shift: policy shift of responsiveness, in halvings.
        broadcast_shift: policy shift of broadcast, in log points.
        mean_broadcast: mean broadcast lever, in log points: what a holdout loses.
        first_stage_r2: share of reply times that the roster explains, where it was estimated.
    """

    matters: float
    horizon_weeks: int
    n_customers: int
    n_tickets: int
    n_weeks: int
    tickets_per_week: float
    outcome_sd: float
    outcome_icc: float
    contact_sd: float
    contact_icc: float
    turns_per_customer: float
    turns_cv: float
    turn_sd: float
    shift_size: float
    contact_rate: float
    responsiveness_shift: float
    broadcast_shift: float
    mean_broadcast: float
    first_stage_r2: float | None = None


@dataclass(frozen=True)
class Trials:
    """What is planned.

    Args:
        weeks: length of the trial.
        holdout: share of customers held out of broadcasts.
        priority: share of tickets, customers or shifts given priority.
        speedup: halvings of the reply time that priority brings.
        staffing_r2: share of reply times that staffing explains, where no roster was estimated.
        shift_icc: correlation of the outcomes of two turns of one shift.
    """

    weeks: int = 13
    holdout: float = 0.05
    priority: float = 0.5
    speedup: float = 1.0
    staffing_r2: float = 0.05
    shift_icc: float = 0.05


@dataclass(frozen=True)
class PowerRow:
    """One line of the table; `None` where it can't be said.

    Args:
        detectable: smallest effect found with 80 % power at 5 %, as the change that the policy shift makes.
        power: chance of finding an effect of just the size that matters.
        weeks_needed: weeks in all after which it falls to what matters.
        tickets_needed: tickets in all.
        reason: why something is missing.
    """

    design: str
    lever: str
    assumption: str
    detectable: float | None
    power: float | None
    weeks_needed: int | None
    tickets_needed: int | None
    reason: str | None = None


def published_row(company: Company, precision: Precision) -> PowerRow:
    """What the published sample finds, and how far the same kind of data would have to grow."""
    detectable = detectable_effect(precision.se, precision.df)
    power = power_at(company.matters, precision.se, precision.df)
    growth = max(1.0, growth_needed(detectable, company.matters))
    weeks, tickets = math.ceil(company.n_weeks * growth), math.ceil(company.n_tickets * growth)
    return PowerRow(precision.design, precision.lever, f"grade {precision.grade}", detectable, power, weeks, tickets)


def trial_rows(company: Company, trials: Trials) -> list[PowerRow]:
    """What trials and a roster would find."""
    r2 = trials.staffing_r2 if company.first_stage_r2 is None else company.first_stage_r2
    speed = f"replies {'twice' if trials.speedup == 1 else f'{2**trials.speedup:.2g} times'} as fast"
    assumed = "assumed" if company.first_stage_r2 is None else "as measured"
    responsiveness = "responsiveness"
    return [
        _row("broadcast holdout", "broadcast", f"{_percent(trials.holdout)} of customers", company, trials, _holdout_se),
        _row("priority by ticket", responsiveness, f"{_percent(trials.priority)}, {speed}", company, trials, _ticket_se),
        _row("priority by customer", responsiveness, f"{_percent(trials.priority)}, {speed}", company, trials, _customer_se),
        _row("priority by shift", responsiveness, f"{_percent(trials.priority)}, {speed}", company, trials, _shift_se),
        _row("difference (Δ)", "contrast", "holdout and priority by ticket", company, trials, _both_se),
        _row("roster", responsiveness, f"staffing explains {_percent(r2)} ({assumed})", company, trials, _roster_se),
    ]


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


StandardError = Callable[[Company, Trials], tuple[float, float]]


def _row(design: str, lever: str, assumption: str, company: Company, trials: Trials, se_of: StandardError) -> PowerRow:
    try:
        se, df = se_of(company, trials)
        detectable, power = detectable_effect(se, df), power_at(company.matters, se, df)
    except ValueError as error:
        return PowerRow(design, lever, assumption, None, None, None, None, str(error))
    weeks = _first_week(company, trials, se_of)
    if weeks is None:
        reason = f"not within {MOST_WEEKS} weeks" + (_customers_needed(company, trials) if se_of is _holdout_se else "")
        return PowerRow(design, lever, assumption, detectable, power, None, None, reason)
    tickets = None if se_of is _holdout_se else math.ceil(weeks * company.tickets_per_week)
    return PowerRow(design, lever, assumption, detectable, power, weeks, tickets)


def _first_week(company: Company, trials: Trials, se_of: StandardError) -> int | None:
    """The first length that is enough: standard errors never rise with weeks, so halving the range finds it."""

    def is_enough(weeks: int) -> bool:
        try:
            return detectable_effect(*se_of(company, replace(trials, weeks=weeks))) <= company.matters
        except ValueError:
            return False

    low, high = 1, MOST_WEEKS
    if not is_enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low


def _holdout_se(company: Company, trials: Trials) -> tuple[float, float]:
    """Difference of arm means over the outcome windows that fit, scaled from the whole lever to its policy shift."""
    if not company.broadcast_shift > 0:
        raise ValueError("Broadcast did not vary from week to week, so there is no policy shift to speak of.")
    if not company.mean_broadcast > 0:
        raise ValueError("Nobody was reached by a broadcast, so a holdout has nothing to withhold.")
    windows = max(1.0, trials.weeks / company.horizon_weeks)
    inflation = repeated_variance(windows, company.outcome_icc)
    se = two_arm_se(company.outcome_sd, company.n_customers, trials.holdout, inflation)
    return se * company.broadcast_shift / company.mean_broadcast, company.n_customers - 2


def _customers_needed(company: Company, trials: Trials) -> str:
    windows = max(1.0, trials.weeks / company.horizon_weeks)
    sd = company.outcome_sd * math.sqrt(repeated_variance(windows, company.outcome_icc)) * company.broadcast_shift / company.mean_broadcast
    needed = two_arm_units(company.matters, sd, trials.holdout)
    return "" if needed is None else f"; {needed:,} customers would do in {trials.weeks}"


def _tickets(company: Company, trials: Trials) -> float:
    if not company.contact_rate * company.responsiveness_shift > 0:
        raise ValueError("Reply times did not vary from week to week, so there is no policy shift to speak of.")
    n = company.tickets_per_week * trials.weeks
    if n <= 2:
        raise ValueError("Too few tickets a week for a trial by ticket.")
    return n


def _policy_shift(company: Company, beta_se: float) -> float:
    return beta_se * company.contact_rate * company.responsiveness_shift


def _ticket_se(company: Company, trials: Trials) -> tuple[float, float]:
    """Difference of arm means per halving (Bloom 1984), then per policy shift over the whole base.

    Tickets get their arms one by one, so that neither customers nor shifts inflate the variance
    (Abadie, Athey, Imbens and Wooldridge 2023).
    """
    return _priority_se(company, trials, 1.0)


def _customer_se(company: Company, trials: Trials) -> tuple[float, float]:
    size = max(1.0, company.turns_per_customer * trials.weeks / company.n_weeks)
    return _priority_se(company, trials, design_effect(size, company.contact_icc, company.turns_cv))


def _shift_se(company: Company, trials: Trials) -> tuple[float, float]:
    return _priority_se(company, trials, design_effect(company.shift_size, trials.shift_icc))


def _priority_se(company: Company, trials: Trials, inflation: float) -> tuple[float, float]:
    n = _tickets(company, trials)
    beta = two_arm_se(company.contact_sd, n, trials.priority, inflation) / trials.speedup
    return _policy_shift(company, beta), n / inflation - 2


def _roster_se(company: Company, trials: Trials) -> tuple[float, float]:
    n = _tickets(company, trials)
    if not company.turn_sd > 0:
        raise ValueError("Reply times do not vary.")
    r2 = trials.staffing_r2 if company.first_stage_r2 is None else company.first_stage_r2
    inflation = design_effect(company.shift_size, trials.shift_icc)
    beta = instrument_se(company.contact_sd, company.turn_sd, r2, n, inflation)
    return _policy_shift(company, beta), n / inflation - 2


def _both_se(company: Company, trials: Trials) -> tuple[float, float]:
    """Two independent trials: variances add."""
    broadcast, broadcast_df = _holdout_se(company, trials)
    responsiveness, responsiveness_df = _ticket_se(company, trials)
    return math.hypot(broadcast, responsiveness), min(broadcast_df, responsiveness_df)
