"""What a published trial showed: sizes of the arms, effects, and one line of verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.experiment.assignment import ARMS, SampleRatio, sample_ratio
from pipelines.experiment.files import TrialFolder
from pipelines.experiment.population import open_build
from pipelines.experiment.text import arms_lines
from pipelines.paths import Home
from pipelines.report.numbers import interval, size
from pipelines.report.summary import Snapshot, read_snapshot

LEVERS = {"responsiveness": "evidence_grade_r", "broadcast": "evidence_grade_b"}
QUANTITIES = {
    "itt": "effect of being assigned (ITT)",
    "late": "effect on those whom the assignment moved (LATE)",
    "beta": "effect of one unit of the lever (LATE)",
    "theta": "effect of the policy shift",
    "delta": "difference of the levers (Δ)",
}


@dataclass(frozen=True)
class Arms:
    """The rows of one trial in the build.

    Args:
        counts: rows by arm, as they stand.
        ratio: the test of the sizes, where the planned share is known.
    """

    experiment_id: str
    lever: str | None
    unit: str
    counts: dict[str, int]
    ratio: SampleRatio | None


@dataclass(frozen=True)
class Readout:
    """All that is known of trials in a home.

    Args:
        trials: of the build; None where there is no build to look into.
        estimates: published rows that come from randomisation, primary ones first.
        checks: published rows about the arms' sizes.
        verdicts: published verdicts with a randomised lever.
    """

    trials: list[Arms] | None
    estimates: list[dict[str, Any]]
    checks: list[dict[str, Any]]
    verdicts: list[dict[str, Any]]
    asked_for: str | None

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        trials = [
            {
                "experiment_id": a.experiment_id,
                "lever": a.lever,
                "unit": a.unit,
                "counts": a.counts,
                "sample_ratio_p": a.ratio and a.ratio.p,
            }
            for a in self.trials or []
        ]
        return {"trials": trials, "estimates": self.estimates, "checks": self.checks, "verdicts": self.verdicts, "missing": missing(self)}


def read_trials(home: Home, folder: TrialFolder | None) -> Readout:
    """Read the published estimates and the arms' sizes.

    Raises:
        TwowayError: nothing was published yet.
    """
    snapshot = read_snapshot(home.snapshot)
    trials = None
    if home.build.exists():
        with open_build(home) as connection:
            trials = _arms(connection, folder)
    return Readout(
        trials=trials,
        estimates=[row for row in snapshot.estimates if is_randomised(row) and not row["is_naive"]],
        checks=[row for row in snapshot.checks if "ratio" in row["statistic"].lower() or "srm" in row["check_id"].lower()],
        verdicts=_randomised_verdicts(snapshot),
        asked_for=None if folder is None else folder.trial.experiment_id,
    )


def is_randomised(row: dict[str, Any]) -> bool:
    """Whether an estimate of a lever, or the contrast of two, comes from a trial: grade A."""
    grades = [LEVERS[row["lever"]]] if row["lever"] in LEVERS else list(LEVERS.values())
    return any(row[grade] == "A" for grade in grades)


def _randomised_verdicts(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [row for row in snapshot.verdicts if "A" in (row["evidence_grade_r"], row["evidence_grade_b"])]


def _arms(connection: duckdb.DuckDBPyConnection, folder: TrialFolder | None) -> list[Arms]:
    rows = connection.execute(
        """
        select experiment_id, any_value(lever), any_value(unit), arm, count(*)
        from input.input_shared__experiments where deleted_at is null
        group by experiment_id, arm order by experiment_id, arm
        """
    ).fetchall()
    found: dict[str, Arms] = {}
    for experiment_id, lever, unit, arm, n in rows:
        found.setdefault(experiment_id, Arms(experiment_id, lever, unit, {}, None)).counts[arm] = n
    return [_tested(arms, folder) for arms in found.values()]


def _tested(arms: Arms, folder: TrialFolder | None) -> Arms:
    if folder is None or folder.trial.experiment_id != arms.experiment_id or set(arms.counts) - set(ARMS[folder.trial.lever]):
        return arms
    each = [arm for arm, n in arms.counts.items() for _ in range(n)]
    return Arms(arms.experiment_id, arms.lever, arms.unit, arms.counts, sample_ratio(folder.trial.lever, folder.trial.share, each))


def missing(found: Readout) -> list[str]:
    """What stands between this home and a readout, in words; nothing where there is one."""
    names = [arms.experiment_id for arms in found.trials or []]
    said: list[str] = []
    if found.trials is not None and not names:
        said.append("The input holds no rows of `experiments`: put experiments.csv into a folder that Twoway reads, and run.")
    elif found.asked_for is not None and found.trials is not None and found.asked_for not in names:
        said.append(f"The input holds no rows of {found.asked_for}, only of {', '.join(names)}.")
    if not found.estimates:
        said.append("No published estimate comes from a trial (none has evidence grade A).")
        if names:
            said.append("The trial may be too young: outcomes count only once their whole window was watched after the assignment.")
    return said


def readout_text(found: Readout) -> str:
    """The readout for the terminal."""
    lines: list[str] = []
    for arms in found.trials or []:
        lines.append(f"trial {arms.experiment_id}: {arms.lever or 'lever not named'}, by {arms.unit}")
        if arms.ratio is not None:
            lines += arms_lines(arms.ratio)
        else:
            lines += [f"  {arm:<9} {n:>9,}" for arm, n in arms.counts.items()]
            lines.append("  sample ratio: not tested, the planned share is unknown; name the folder that `assign` wrote")
        lines.append("")
    lines += [f"{'ok' if row['passed'] else 'FAILED'}: {row['statistic']}. {row['detail']}" for row in found.checks]
    lines += _estimate_lines(found.estimates)
    lines += [verdict_line(found, row) for row in found.verdicts]
    return "\n".join([*lines, *missing(found)]).strip()


def _estimate_lines(estimates: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for row in estimates:
        if row["is_primary"] and row["quantity"] in QUANTITIES:
            name = row["lever"] if row["lever"] in LEVERS else "both levers"
            lines.append(f"  {name:<15} {QUANTITIES[row['quantity']]:<50} {interval(row)}  ({row['unit']})")
    return lines


def verdict_line(found: Readout, verdict: dict[str, Any]) -> str:
    """One claim's verdict, its reason, and how small an effect the trial could find."""
    detectable = "" if verdict["mde"] is None else f"; smallest detectable {size(verdict['mde'], verdict['unit'])}"
    torn = any(arms.ratio is not None and arms.ratio.is_mismatch for arms in found.trials or [])
    warned = " Not to be read: the arms' sizes do not match the plan." if torn else ""
    matters = size(verdict["sesoi"], verdict["unit"])
    return f"{verdict['claim_id']}: {verdict['verdict']} ({verdict['reason_code']}); matters from {matters}{detectable}.{warned}"
