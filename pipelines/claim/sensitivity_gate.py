"""G8: how strong an unseen confounder of broadcast would have to be to undo the verdict.

Bias of an omitted confounder by its partial R2 with broadcast and with the outcome (Cinelli and Hazlett 2020, eq. 14),
benchmarked on characteristics that are recorded. Broadcast is exogenous in the joint system, so its coefficient is that
of least squares on the outcome less responsiveness' part, and the formula holds for it.
"""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.policy_shift import PolicyShift, contrast
from pipelines.claim.results import Check
from pipelines.claim.sensitivity import benchmark_strength, robustness_value
from pipelines.claim.system import SEVERITIES, Fitted, System

CLAIM = "C1"
# The score is how broadcasts were assigned. It is recorded and adjusted for, so what is left to fear is as strong as
# what else is known of the customer; a confounder as strong as the score itself is shown, not deciding.
ASSIGNMENT = "targeting_score"
BENCHMARKS = (*SEVERITIES, "lagged_turns", "lagged_outcome")
MULTIPLES = (1, 2, 3)
# The robustness value is a function of bias over scale alone; degrees of freedom cancel.
PLENTY = 1e6


@dataclass(frozen=True)
class Benchmark:
    """A recorded characteristic that hidden ones are compared with.

    Args:
        name: its column.
        r2_broadcast, r2_outcome: its partial R2 with broadcast, and with the outcome given broadcast.
    """

    name: str
    r2_broadcast: float
    r2_outcome: float


def benchmark(system: System, rate: float, fitted: Fitted, name: str) -> Benchmark | None:
    """Partial R2 of a column of the system, control or not; None where it has no variation of its own."""
    position = system.at[name]
    outcome, broadcast, feature = _partialled(system, rate, fitted, [position])
    if feature @ feature <= 1e-9 * system.absorbed.sizes[position] ** 2 or not feature.any():
        return None
    return Benchmark(name, _r2(feature, broadcast), _r2(_less(feature, broadcast), _less(outcome, broadcast)))


def bias_scale(system: System, rate: float, fitted: Fitted) -> float:
    """What broadcast's coefficient moves by, per sqrt(R2_outcome R2_broadcast / (1 - R2_broadcast)) of a confounder.

    Standard deviation of the outcome that broadcast and controls leave over, by that of broadcast that controls leave
    over: se sqrt(df) of classical least squares (Cinelli and Hazlett 2020, eq. 14).

    Raises:
        NotIdentifiedError: broadcast does not vary apart from the controls.
    """
    outcome, broadcast = _partialled(system, rate, fitted, [])
    left = _less(outcome, broadcast)
    return sqrt(float(left @ left) / float(broadcast @ broadcast))


def _partialled(system: System, rate: float, fitted: Fitted, more: list[int]) -> list[Floats]:
    """Outcome less responsiveness' part, broadcast, and further columns, less the controls that are none of these."""
    controls = [each for each in system.controls if each not in more]
    wanted = [system.at["outcome"], system.at["responsiveness"], system.at[system.lever(rate)], *more]
    columns = system.absorbed.partialled(wanted, controls)
    return [columns[:, 0] - fitted.coefficients[0] * columns[:, 1], *columns.T[2:]]


@dataclass(frozen=True)
class SensitivityPoint:
    """The estimate as it would be with a hidden confounder of broadcast: a row of `claim.sensitivity_contour`.

    Field order is the table's column order.

    Args:
        point_id: claim, characteristic and multiple.
        claim_id: the claim.
        benchmark: recorded characteristic that the confounder is like; None for the estimate as it stands.
        multiple: how many times as strong with broadcast and with the outcome; 0 for the estimate as it stands.
        is_strongest: whether this is the benchmark that decides gate G8.
        is_assignment: whether it is the recorded score by which broadcasts were assigned; never deciding.
        r2_broadcast, r2_outcome: the confounder's partial R2 with broadcast and with the outcome.
        delta: Delta once it is pushed against its sign.
        move: how far it is pushed.
        half_width: half the width of Delta's 95 % interval.
        scale: move per sqrt(r2_outcome r2_broadcast / (1 - r2_broadcast)): with it, contours can be drawn.
        robustness_value: strength, equal on both sides, that takes Delta to 0.
        robustness_value_interval: the same for the nearest end of the interval; 0 where it holds 0 already.
    """

    point_id: str
    claim_id: str
    benchmark: str | None
    multiple: int
    is_strongest: bool
    is_assignment: bool
    r2_broadcast: float
    r2_outcome: float
    delta: float
    move: float
    half_width: float
    scale: float
    robustness_value: float
    robustness_value_interval: float


@dataclass(frozen=True)
class Sensitivity:
    """What a hidden confounder of broadcast would do: checks of gate G8, and the contour's facts."""

    checks: list[Check]
    points: list[SensitivityPoint]


def sensitivity(system: System, rate: float, fitted: Fitted, shift: PolicyShift, smallest_effect: float) -> Sensitivity:
    """G8 against the strongest benchmark, and, not deciding, against the recorded targeting score; and all benchmarks.

    Args:
        system: the primary system.
        rate: the primary adstock rate.
        fitted: the primary fit.
        shift: the policy shift.
        smallest_effect: m.

    Returns:
        Nothing where broadcast is known by brand only, or drawn by lot.
    """
    if system.panel.broadcast_reach != "customer" or system.setup.broadcast == "experiment":
        return Sensitivity([], [])
    try:
        scale = abs(float(shift.weights[1])) * bias_scale(system, rate, fitted)
    except NotIdentifiedError:
        return Sensitivity([], [])
    if not scale > 0:
        return Sensitivity([], [])
    names = [name for name in (*BENCHMARKS, ASSIGNMENT) if name in system.at]
    known = [found for name in names if (found := benchmark(system, rate, fitted, name)) is not None]
    now = contrast(fitted.coefficients, fitted.covariance, shift)
    half_width = float(stats.t.ppf(0.975, fitted.df)) * now.delta_se
    stands = _as_it_stands(now.delta, half_width, scale)
    points = [point for each in known for times in MULTIPLES if (point := _point(each, times, stands)) is not None]
    once = [point for point in points if point.multiple == 1 and not point.is_assignment]
    strongest = max(once, key=lambda point: point.move, default=None)
    if strongest is not None:
        points = [replace(point, is_strongest=point.benchmark == strongest.benchmark) for point in points]
    decisive = [point for point in points if point.multiple == 1 and (point.is_strongest or point.is_assignment)]
    observed = {each.name: each for each in known}
    checks = [_check(observed[point.benchmark], point, fitted, shift, smallest_effect) for point in decisive if point.benchmark is not None]
    return Sensitivity(checks, [stands, *points])


def _as_it_stands(delta: float, half_width: float, scale: float) -> SensitivityPoint:
    nearest = max(abs(delta) - half_width, 0.0)
    return SensitivityPoint(
        point_id=f"{CLAIM}|as it stands", claim_id=CLAIM, benchmark=None, multiple=0, is_strongest=False, is_assignment=False,
        r2_broadcast=0.0, r2_outcome=0.0, delta=delta, move=0.0, half_width=half_width, scale=scale,
        robustness_value=_robustness(abs(delta) / scale), robustness_value_interval=_robustness(nearest / scale),
    )  # fmt: skip


def _robustness(f: float) -> float:
    """Equal strength on both sides that makes up for a bias of `f` scales."""
    return robustness_value(f, 1 / sqrt(PLENTY), PLENTY)


def _point(found: Benchmark, times: int, stands: SensitivityPoint) -> SensitivityPoint | None:
    """The estimate given a confounder `times` as strong as a benchmark; None where none can be that strong."""
    try:
        x, y = benchmark_strength(found.r2_broadcast, found.r2_outcome, times, times)
    except NotIdentifiedError:
        return None
    move = stands.scale * sqrt(y * x / (1 - x))
    return replace(
        stands, point_id=f"{CLAIM}|{found.name}|{times}", benchmark=found.name, multiple=times, is_assignment=found.name == ASSIGNMENT,
        r2_broadcast=x, r2_outcome=y, delta=stands.delta - float(np.sign(stands.delta)) * move, move=move,
    )  # fmt: skip


def _check(found: Benchmark, point: SensitivityPoint, fitted: Fitted, shift: PolicyShift, smallest_effect: float) -> Check:
    passed, pushed = _survives(fitted, shift, smallest_effect, point.move)
    name = "sensitivity_to_targeting" if point.is_assignment else "sensitivity"
    return Check(
        check_id=f"{CLAIM}|{name}", gate_code="G8", claim_id=CLAIM, estimate_id=None, kind="sensitivity",
        statistic=f"Delta under a confounder of broadcast as strong as {found.name.replace('_', ' ')}", value=pushed, threshold=0.0,
        passed=passed, blocking=not point.is_assignment,
        detail=f"Partial R2 {found.r2_broadcast:.2g} with broadcast, {found.r2_outcome:.2g} with the outcome: "
        f"Delta moves by {point.move:.3g}.",
    )  # fmt: skip


def _survives(fitted: Fitted, shift: PolicyShift, smallest_effect: float, move: float) -> tuple[bool, float]:
    """Whether the interval says the same after Delta is pushed against the verdict, and Delta then."""
    found = contrast(fitted.coefficients, fitted.covariance, shift)
    wide, narrow = (float(stats.t.ppf(level, fitted.df)) * found.delta_se for level in (0.975, 0.95))
    pushed = found.delta - np.sign(found.delta) * move
    if abs(found.delta) > wide:
        return abs(found.delta) - move > wide, float(pushed)
    reach_r = float(stats.t.ppf(0.95, fitted.df)) * found.se_r
    is_null = abs(found.theta_r) + reach_r < smallest_effect
    if abs(found.delta) + narrow < smallest_effect and not is_null:
        return abs(found.delta) + move + narrow < smallest_effect, float(pushed)
    return True, float(pushed)


def _less(values: Floats, on: Floats) -> Floats:
    size = float(on @ on)
    if size == 0:
        raise NotIdentifiedError("a column has no variation of its own")
    return values - on * (float(on @ values) / size)


def _r2(one: Floats, other: Floats) -> float:
    return float((one @ other) ** 2 / ((one @ one) * (other @ other)))
