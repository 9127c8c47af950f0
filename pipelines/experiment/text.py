"""What `twoway experiment assign` and `record` say."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pipelines.experiment.assigning import Assignment
from pipelines.experiment.assignment import ARMS, SampleRatio, Trial
from pipelines.experiment.files import ASSIGNMENT, DESCRIPTION, EXPERIMENTS, GUIDE, ExperimentRow, TrialFolder
from pipelines.paths import shown


def assignment_text(trial: Trial, made: Assignment, out: Path) -> str:
    """Arms and their sizes, the check of the sizes, and what to do next."""
    lines = [f"trial {trial.experiment_id}: {trial.lever}, by {trial.unit}, seed {trial.seed}", ""]
    lines += arms_lines(made.ratio)
    lines += [f"  {note}" for note in made.notes]
    lines += [
        "",
        f"{shown(out / ASSIGNMENT)}   {made.n_ids:,} rows for your systems",
        f"{shown(out / EXPERIMENTS)}  {made.n_units:,} rows for Twoway's input folder",
        f"{shown(out / GUIDE)}        what to do with them",
        f"{shown(out / DESCRIPTION)}  seed, share and hashes: keep it",
    ]
    return "\n".join(_aligned(lines, out))


def _aligned(lines: list[str], out: Path) -> list[str]:
    """The files' notes in one column."""
    folder = shown(out)
    width = max(len(line.split("  ")[0]) for line in lines if line.startswith(folder))
    return [
        f"{name:<{width}}  {note.strip()}" if line.startswith(folder) else line
        for line in lines
        for name, _, note in [line.partition("  ")]
    ]


def arms_lines(ratio: SampleRatio) -> list[str]:
    """One line per arm, and the sample-ratio check."""
    n = sum(ratio.counts.values())
    lines = [
        f"  {arm:<9} {count:>9,}  {count / n if n else 0:>6.2%}  expected {ratio.expected[arm]:>11,.1f}"
        for arm, count in ratio.counts.items()
    ]
    if ratio.p is not None:
        verdict = "MISMATCH: the arms did not come about as planned; find out why before reading any effect" if ratio.is_mismatch else "ok"
        lines.append(f"  sample ratio: chi-square p = {ratio.p:.3g}, {verdict}")
    return lines


def recorded_text(folder: TrialFolder, rows: Sequence[ExperimentRow], out: Path) -> str:
    """How many tickets by arm, and where."""
    counts = Counter(row.arm for row in rows)
    arms = ", ".join(f"{counts[arm]:,} {arm}" for arm in ARMS[folder.trial.lever])
    new = len(rows) - len(folder.experiments)
    return f"{shown(out)}: {len(rows):,} tickets ({arms}), {new:,} of them since the assignment."
