"""The certificate as Markdown: one table for each thing that a sceptic would ask."""

from collections.abc import Sequence

from pipelines.coverage.simulation import PARAMETERS, Simulation
from pipelines.coverage.summary import Accuracy, Share, WorldSummary, pooled

SYMBOLS = {"beta_r": "β_R", "beta_b": "β_B", "delta": "Δ"}


def tables(summaries: Sequence[WorldSummary], runs: dict[str, list[Simulation]], pooled_worlds: Sequence[str]) -> str:
    """All tables.

    Args:
        summaries: one per world.
        runs: the simulations by world.
        pooled_worlds: worlds whose coverage is pooled.
    """
    parts = [
        "## Coverage of 95 % intervals",
        _coverage(summaries, runs, pooled_worlds),
        "## Verdicts",
        _verdicts(summaries),
        "## Gates",
        _gates(summaries),
        "## The naive estimate on the same companies",
        _naive(summaries),
    ]
    if any(each.churn for each in summaries):
        parts += ["## Churn: the landmark's instrument against least squares", _churn(summaries)]
    if any(each.roster for each in summaries):
        parts += ["## Trial and roster in the same companies", _trial(summaries)]
    return "\n\n".join(parts)


def percent(share: Share) -> str:
    """A share with its interval."""
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f} to {high:.3f})"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _coverage(summaries: Sequence[WorldSummary], runs: dict[str, list[Simulation]], worlds: Sequence[str]) -> str:
    header = ["world", "parameter", "runs", "covered", "bias (its error)", "sd", "mean se"]
    rows = [_row(each.world, name, each.found[name]) for each in summaries for name in PARAMETERS if name in each.found]
    together = [run for world in worlds for run in runs.get(world, [])]
    if together:
        label = f"**pooled: {', '.join(worlds)}**"
        rows += [_row(label, name, found) for name in PARAMETERS if (found := pooled(together, name)) is not None]
    return _grid(header, rows)


def _row(world: str, name: str, found: Accuracy) -> list[str]:
    return [world, SYMBOLS[name], str(found.covered.trials), percent(found.covered), f"{found.bias:+.4f} ({found.bias_se:.4f})",
            f"{found.sd:.4f}", f"{found.mean_se:.4f}"]  # fmt: skip


def _verdicts(summaries: Sequence[WorldSummary]) -> str:
    header = ["world", "runs", "supported", "false supported", "contradicted", "false contradicted", "supported without gates",
              "naive: supported", "naive: contradicted", "reason codes"]  # fmt: skip
    rows = [
        [each.world, str(each.n), percent(each.supported), str(each.false_supported.successes), percent(each.contradicted),
         str(each.false_contradicted.successes), percent(each.ungated_supported), f"{each.naive_supported.value:.3f}",
         f"{each.naive_contradicted.value:.3f}", ", ".join(f"{code} {count}" for code, count in each.codes.most_common())]
        for each in summaries
    ]  # fmt: skip
    return _grid(header, rows)


def _gates(summaries: Sequence[WorldSummary]) -> str:
    rows = [
        [each.world, "; ".join(each.designs), f"{each.f_eff:.0f}" if each.f_eff is not None else "none", percent(each.gates_passed),
         ", ".join(f"{gate} {count}" for gate, count in sorted(each.failed_gates.items())) or "none"]
        for each in summaries
    ]  # fmt: skip
    return _grid(["world", "designs in use", "median effective F", "all gates passed", "runs by failed gate"], rows)


def _naive(summaries: Sequence[WorldSummary]) -> str:
    rows = [
        [each.world, SYMBOLS[name], percent(each.naive[name].covered), f"{each.naive[name].bias:+.4f}"]
        for each in summaries
        for name in PARAMETERS
        if name in each.naive
    ]
    return _grid(["world", "parameter", "covered", "bias"], rows)


def _churn(summaries: Sequence[WorldSummary]) -> str:
    rows = []
    for each in summaries:
        for label, found in (("landmark, roster instrument", each.churn), ("least squares", each.naive_churn)):
            if found is not None:
                rows.append([each.world, label, str(found.covered.trials), percent(found.covered), f"{found.bias:+.4f}",
                             f"{found.sd:.4f}", f"{found.mean_se:.4f}", percent(found.rejected)])  # fmt: skip
    return _grid(["world", "estimator", "runs", "covered", "bias", "sd", "mean se", "rejects no effect"], rows)


def _trial(summaries: Sequence[WorldSummary]) -> str:
    rows = []
    for each in summaries:
        for name in PARAMETERS:
            if name in each.roster:
                trial, roster = each.found[name], each.roster[name]
                rows.append([each.world, SYMBOLS[name], percent(trial.covered), f"{trial.bias:+.4f}", f"{trial.mean_se:.4f}",
                             percent(roster.covered), f"{roster.bias:+.4f}", f"{roster.mean_se:.4f}"])  # fmt: skip
    header = ["world", "parameter", "trial: covered", "bias", "mean se", "roster: covered", "bias", "mean se"]
    return _grid(header, rows)
