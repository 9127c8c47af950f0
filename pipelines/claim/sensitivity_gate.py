"""G8: how strong an unseen confounder of broadcast would have to be to undo the verdict.

Bias of an omitted confounder by its partial R2 with broadcast and with the outcome (Cinelli and Hazlett 2020, eq. 14),
benchmarked on characteristics that are recorded. Broadcast is exogenous in the joint system, so its coefficient is that
of least squares on the outcome less responsiveness' part, and the formula holds for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from pipelines.claim.linear import Floats, NotIdentifiedError
from pipelines.claim.policy_shift import PolicyShift, contrast
from pipelines.claim.results import Check
from pipelines.claim.system import SEVERITIES, Fitted, System

CLAIM = "C1"
# The score is how broadcasts were assigned. It is recorded and adjusted for, so what is left to fear is as strong as
# what else is known of the customer; a confounder as strong as the score itself is shown, not deciding.
ASSIGNMENT = "targeting_score"
BENCHMARKS = (*SEVERITIES, "lagged_turns", "lagged_outcome")


@dataclass(frozen=True)
class Benchmark:
    """Partial R2 of a characteristic with broadcast, and with the outcome given broadcast, and the bias of its like."""

    name: str
    r2_broadcast: float
    r2_outcome: float
    bias: float


def benchmark(system: System, rate: float, fitted: Fitted, name: str) -> Benchmark | None:
    """How far broadcast's coefficient would move if a confounder as strong as `name` had been left out.

    Args:
        system: the primary system.
        rate: adstock rate.
        fitted: its fit.
        name: a column of the system, control or not.

    Returns:
        The bias in units of the coefficient; None where the column has no variation of its own.
    """
    position = system.at[name]
    others = [each for each in system.controls if each != position]
    wanted = [system.at["outcome"], system.at["responsiveness"], system.at[system.lever(rate)], position]
    columns = system.absorbed.partialled(wanted, others)
    outcome, broadcast, feature = columns[:, 0] - fitted.coefficients[0] * columns[:, 1], columns[:, 2], columns[:, 3]
    if feature @ feature <= 1e-9 * system.absorbed.sizes[position] ** 2 or not feature.any():
        return None
    r2_broadcast = _r2(feature, broadcast)
    r2_outcome = _r2(_less(feature, broadcast), _less(outcome, broadcast))
    strength = r2_broadcast / (1 - r2_broadcast)
    if strength >= 1:
        return None
    # With the feature itself adjusted for where it is a control: what is left is what its like would add.
    rest_broadcast = _less(broadcast, feature)
    rest_outcome = _less(_less(outcome, feature), rest_broadcast)
    bias = sqrt(r2_outcome * strength / (1 - strength)) * sqrt((rest_outcome @ rest_outcome) / (rest_broadcast @ rest_broadcast))
    return Benchmark(name, r2_broadcast, r2_outcome, bias)


def sensitivity_checks(system: System, rate: float, fitted: Fitted, shift: PolicyShift, smallest_effect: float) -> Iterator[Check]:
    """G8 against the strongest benchmark, and, not deciding, against the recorded targeting score.

    Args:
        system: the primary system.
        rate: the primary adstock rate.
        fitted: the primary fit.
        shift: the policy shift.
        smallest_effect: m.
    """
    if system.panel.broadcast_reach != "customer" or system.setup.broadcast == "experiment":
        return
    known = [found for name in BENCHMARKS if name in system.at and (found := benchmark(system, rate, fitted, name)) is not None]
    strongest = max(known, key=lambda each: each.bias, default=None)
    if strongest is not None:
        yield _check(strongest, fitted, shift, smallest_effect, "sensitivity", blocking=True)
    if ASSIGNMENT in system.at and (score := benchmark(system, rate, fitted, ASSIGNMENT)) is not None:
        yield _check(score, fitted, shift, smallest_effect, "sensitivity_to_targeting", blocking=False)


def _check(found: Benchmark, fitted: Fitted, shift: PolicyShift, smallest_effect: float, name: str, blocking: bool) -> Check:
    move = float(shift.weights[1]) * found.bias
    passed, pushed = _survives(fitted, shift, smallest_effect, move)
    return Check(
        check_id=f"{CLAIM}|{name}", gate_code="G8", claim_id=CLAIM, estimate_id=None, kind="sensitivity",
        statistic=f"Delta under a confounder of broadcast as strong as {found.name.replace('_', ' ')}", value=pushed, threshold=0.0,
        passed=passed, blocking=blocking,
        detail=f"Partial R2 {found.r2_broadcast:.2g} with broadcast, {found.r2_outcome:.2g} with the outcome: Delta moves by {move:.3g}.",
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
