"""What many simulations say together: coverage, bias, power, false verdicts, each with its own uncertainty."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipelines.coverage.simulation import PARAMETERS, Estimated, Simulation


@dataclass(frozen=True)
class Share:
    """A count of trials with its 95 % Wilson interval (Wilson 1927)."""

    successes: int
    trials: int

    @property
    def value(self) -> float:
        return self.successes / self.trials if self.trials else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        if not self.trials:
            return float("nan"), float("nan")
        found = stats.binomtest(self.successes, self.trials).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Accuracy:
    """How one parameter's estimates lie about the truth.

    Args:
        covered: intervals of 95 % that hold the truth.
        bias: mean of estimate less truth.
        bias_se: Monte Carlo standard error of it.
        sd: standard deviation of estimate less truth.
        mean_se: mean standard error that was claimed.
        rejected: intervals without zero.
    """

    covered: Share
    bias: float
    bias_se: float
    sd: float
    mean_se: float
    rejected: Share


@dataclass(frozen=True)
class WorldSummary:
    """All simulations of one world.

    Args:
        world: its name.
        n: simulations.
        designs: designs in use, with counts.
        found, naive, roster: accuracy by parameter, of the primary, the naive and the roster's estimates.
        supported, ungated_supported, naive_supported: shares of the verdict `supported` by the whole rule, without its
            gates, and by the naive estimate; the same for `contradicted`.
        false_supported, false_contradicted: of the whole rule, judged against each run's own true Delta.
        gates_passed: runs in which every blocking gate passed.
        failed_gates: runs by failed gate.
        codes: runs by reason code of the whole rule.
        f_eff: median effective F.
        churn, naive_churn: accuracy of the landmark's estimate, and of least squares.
    """

    world: str
    n: int
    designs: Counter[str]
    found: dict[str, Accuracy]
    naive: dict[str, Accuracy]
    roster: dict[str, Accuracy]
    supported: Share
    ungated_supported: Share
    naive_supported: Share
    contradicted: Share
    ungated_contradicted: Share
    naive_contradicted: Share
    false_supported: Share
    false_contradicted: Share
    gates_passed: Share
    failed_gates: Counter[str]
    codes: Counter[str]
    f_eff: float | None
    churn: Accuracy | None
    naive_churn: Accuracy | None


def accuracy(estimates: Sequence[Estimated]) -> Accuracy | None:
    """Accuracy of estimates of one parameter; None for none."""
    if not estimates:
        return None
    errors = np.array([each.estimate - each.truth for each in estimates])
    return Accuracy(
        covered=Share(sum(each.covers for each in estimates), len(estimates)),
        bias=float(errors.mean()),
        bias_se=float(errors.std() / np.sqrt(len(errors))),
        sd=float(errors.std()),
        mean_se=float(np.mean([each.se for each in estimates])),
        rejected=Share(sum(each.rejects_zero for each in estimates), len(estimates)),
    )


def summarise(runs: Sequence[Simulation], smallest_effect: float) -> WorldSummary:
    """Sum up the simulations of one world.

    Args:
        runs: at least one, all of the same world.
        smallest_effect: m.
    """
    n = len(runs)

    def share(verdict: str, of: str) -> Share:
        return Share(sum(getattr(run, of).verdict == verdict for run in runs), n)

    return WorldSummary(
        world=runs[0].world,
        n=n,
        designs=Counter(run.design for run in runs),
        found=_by_parameter(runs, "found"),
        naive=_by_parameter(runs, "naive"),
        roster=_by_parameter(runs, "roster"),
        supported=share("supported", "decision"),
        ungated_supported=share("supported", "ungated"),
        naive_supported=share("supported", "naive_decision"),
        contradicted=share("contradicted", "decision"),
        ungated_contradicted=share("contradicted", "ungated"),
        naive_contradicted=share("contradicted", "naive_decision"),
        false_supported=Share(sum(is_false_support(run) for run in runs), n),
        false_contradicted=Share(sum(is_false_contradiction(run, smallest_effect) for run in runs), n),
        gates_passed=Share(sum(not run.failed_gates for run in runs), n),
        failed_gates=Counter(gate for run in runs for gate in run.failed_gates),
        codes=Counter(run.decision.reason_code for run in runs),
        f_eff=float(np.median(strengths)) if (strengths := [run.f_eff for run in runs if run.f_eff is not None]) else None,
        churn=accuracy([run.churn for run in runs if run.churn is not None]),
        naive_churn=accuracy([run.naive_churn for run in runs if run.naive_churn is not None]),
    )


def pooled(runs: Sequence[Simulation], parameter: str) -> Accuracy | None:
    """Accuracy of one parameter over several worlds."""
    return accuracy([run.found[parameter] for run in runs if parameter in run.found])


def is_false_support(run: Simulation) -> bool:
    """Supported, though the company's own true Delta is not above zero."""
    return run.decision.verdict == "supported" and true_delta(run) <= 0


def is_false_contradiction(run: Simulation, smallest_effect: float) -> bool:
    """Contradicted by a code that the company's own truth does not bear out."""
    delta = true_delta(run)
    wrong = {
        "null": abs(run.theta_r) >= smallest_effect,
        "reverse": delta >= 0,
        "tie": abs(delta) >= smallest_effect,
    }
    return wrong.get(run.decision.reason_code, False)


def true_delta(run: Simulation) -> float:
    return run.found["delta"].truth if "delta" in run.found else 0.0


def _by_parameter(runs: Sequence[Simulation], of: str) -> dict[str, Accuracy]:
    found = {name: accuracy([getattr(run, of)[name] for run in runs if name in getattr(run, of)]) for name in PARAMETERS}
    return {name: each for name, each in found.items() if each is not None}
