"""Effects of a change that units adopt at different times (Callaway and Sant'Anna 2021)."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, Integers, NotIdentifiedError


@dataclass(frozen=True)
class Effect:
    """An average effect on the treated with a pointwise normal interval.

    Args:
        estimate, se, ci_lo, ci_hi: of the effect; the standard error is 0 where units do not vary at all.
        influence: (n,) influence function by unit kept; a joint covariance is its cross product over n squared.
    """

    estimate: float
    se: float
    ci_lo: float
    ci_hi: float
    influence: Floats


@dataclass(frozen=True)
class GroupTimeEffect:
    """ATT(g, t): effect in `period` on the units first treated in `group`.

    Args:
        group, period, base_period: periods; the change is measured from the base period.
        n_treated, n_control: units compared.
        effect: the estimate.
    """

    group: float
    period: int
    base_period: int
    n_treated: int
    n_control: int
    effect: Effect


@dataclass(frozen=True)
class StaggeredEffects:
    """All effects of a staggered adoption.

    Args:
        group_time: ATT(g, t) by group and period.
        simple: average over all cells after adoption, weighted by group size.
        by_event_time: periods since adoption -> average over groups; below 0 a test of parallel trends.
        by_group: group -> average over its periods after adoption.
        overall_group: average of `by_group`, weighted by group size.
        n_units: units kept; those treated in the first period already tell nothing and are dropped.
    """

    group_time: list[GroupTimeEffect]
    simple: Effect
    by_event_time: dict[int, Effect]
    by_group: dict[float, Effect]
    overall_group: Effect
    n_units: int


def staggered_effects(
    outcome: Floats,
    periods: Integers,
    first_treated: Floats,
    control: Literal["never_treated", "not_yet_treated"] = "never_treated",
    level: float = 0.95,
) -> StaggeredEffects:
    """Unconditional ATT(g, t) with their influence functions and the usual aggregates.

    Base period as in the authors' `did` ("varying"): the last period before adoption for t >= g, the previous
    period for t < g. Weights by group size are estimated, which the influence functions of the aggregates
    take into account (Callaway and Sant'Anna 2021, section 4).

    Args:
        outcome: (n, T), balanced.
        periods: (T,) ascending.
        first_treated: (n,) first treated period; infinite for never, which is also what later than the panel means.
        control: units to compare with: never treated, or not treated by the later of the two periods.
        level: of the intervals.

    Raises:
        NotIdentifiedError: no group is treated within the panel after its first period, or there are no controls.
        ValueError: missing outcomes or periods out of order.
    """
    if np.any(np.diff(periods) <= 0) or not np.all(np.isfinite(outcome)):
        raise ValueError("periods must ascend and the panel must be balanced")
    kept = first_treated > periods[0]
    y, adopted = outcome[kept], np.where(first_treated[kept] > periods[-1], np.inf, first_treated[kept])
    groups = [float(g) for g in np.unique(adopted) if np.isfinite(g)]
    z = float(stats.norm.ppf((1 + level) / 2))
    cells = [_cell(y, periods, adopted, g, position, control, z) for g in groups for position in range(1, len(periods))]
    group_time = [cell for cell in cells if cell is not None]
    after = [cell for cell in group_time if cell.period >= cell.group]
    if not after:
        raise NotIdentifiedError("no group has both treated periods and controls")
    event_times = sorted({_event_time(cell) for cell in group_time})
    by_event_time = {e: _average([c for c in group_time if _event_time(c) == e], adopted, z) for e in event_times}
    own_periods = {g: [c for c in after if c.group == g] for g in groups}
    by_group = {g: _unweighted(of_group, z) for g, of_group in own_periods.items() if of_group}
    return StaggeredEffects(
        group_time=group_time,
        simple=_average(after, adopted, z),
        by_event_time=by_event_time,
        by_group=by_group,
        overall_group=_weighted(list(by_group.values()), list(by_group), adopted, z),
        n_units=len(adopted),
    )


def _cell(y: Floats, periods: Integers, adopted: Floats, group: float, position: int, control: str, z: float) -> GroupTimeEffect | None:
    """ATT(g, t), or None without controls."""
    is_after = periods[position] >= group
    base = int(np.flatnonzero(periods < group)[-1]) if is_after else position - 1
    treated = adopted == group
    latest = max(periods[position], periods[base])
    compared = np.isinf(adopted) if control == "never_treated" else (adopted > latest) & ~treated
    if not compared.any():
        return None
    change = y[:, position] - y[:, base]
    of_treated, of_compared = float(change[treated].mean()), float(change[compared].mean())
    influence = treated / treated.mean() * (change - of_treated) - compared / compared.mean() * (change - of_compared)
    effect = _effect(of_treated - of_compared, influence, z)
    return GroupTimeEffect(group, int(periods[position]), int(periods[base]), int(treated.sum()), int(compared.sum()), effect)


def _event_time(cell: GroupTimeEffect) -> int:
    """Time since adoption, in the clock of the periods."""
    return int(cell.period - cell.group)


def _average(cells: list[GroupTimeEffect], adopted: Floats, z: float) -> Effect:
    return _weighted([cell.effect for cell in cells], [cell.group for cell in cells], adopted, z)


def _weighted(effects: list[Effect], groups: list[float], adopted: Floats, z: float) -> Effect:
    """Average weighted by the groups' estimated shares, each effect with the share of its group."""
    members = np.array([adopted == g for g in groups], dtype=np.float64)
    shares = members.mean(axis=1)
    estimates = np.array([effect.estimate for effect in effects])
    weights = shares / shares.sum()
    average = float(weights @ estimates)
    influence = weights @ np.array([effect.influence for effect in effects])
    # Of a ratio of means: (att - average)' (1{member} - share) / sum of shares.
    influence += (estimates - average) @ (members - shares[:, None]) / shares.sum()
    return _effect(average, influence, z)


def _unweighted(cells: list[GroupTimeEffect], z: float) -> Effect:
    estimates = [cell.effect.estimate for cell in cells]
    return _effect(float(np.mean(estimates)), np.mean([cell.effect.influence for cell in cells], axis=0), z)


def _effect(estimate: float, influence: Floats, z: float) -> Effect:
    se = sqrt(float(influence @ influence)) / len(influence)
    return Effect(estimate, se, estimate - z * se, estimate + z * se, influence)
