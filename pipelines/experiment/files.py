"""A trial on disk: the list for the company's systems, the rows for the warehouse, and what decided both."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.errors import ConfigError
from pipelines.experiment.assignment import Trial
from pipelines.files_io import write_text_durably
from pipelines.paths import shown

ASSIGNMENT, EXPERIMENTS, DESCRIPTION, GUIDE = "assignment.csv", "experiments.csv", "experiment.json", "README.md"
EXPERIMENT_COLUMNS = ("source_id", "experiment_id", "unit", "unit_id", "arm", "assigned_at", "lever")
# A spreadsheet takes a cell that starts so for a formula (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ExperimentRow:
    """One row of the canonical table `experiments`."""

    source_id: str
    unit_id: str
    arm: str
    assigned_at: datetime


@dataclass(frozen=True)
class TrialFolder:
    """A trial read back from its folder.

    Args:
        description: `experiment.json` as it stands.
        assignment: rows of `assignment.csv` by column, cells as they were before they were made safe.
        experiments: rows of `experiments.csv`.
    """

    path: Path
    trial: Trial
    description: Mapping[str, Any]
    assignment: Sequence[Mapping[str, str]]
    experiments: Sequence[ExperimentRow]

    @property
    def assigned_at(self) -> datetime:
        return datetime.fromisoformat(self.description["assigned_at"])


def safe(cell: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what could be a formula, or before an apostrophe."""
    return f"'{cell}" if cell.startswith((*FORMULA_STARTS, "'")) else cell


def unsafe(cell: str) -> str:
    """What `safe` was given."""
    return cell.removeprefix("'")


def instant_text(at: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def csv_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A CSV file's text; every cell is made safe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return text.getvalue()


def experiments_text(trial: Trial, rows: Sequence[ExperimentRow]) -> str:
    """`experiments.csv` in the canonical contract."""
    return csv_text(
        EXPERIMENT_COLUMNS,
        [
            (row.source_id, trial.experiment_id, trial.unit, row.unit_id, row.arm, instant_text(row.assigned_at), trial.lever)
            for row in rows
        ],
    )


def plain_unit_id(system: str, unit_id: str, is_ambiguous: bool) -> str:
    """A unit id for the warehouse: plain, or as `system:id` where it is ambiguous or a spreadsheet would run it."""
    return f"{system}:{unit_id}" if is_ambiguous or safe(unit_id) != unit_id or unit_id.startswith(f"{system}:") else unit_id


def sha256_text(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def require_new_folder(folder: Path) -> None:
    """Raise unless nothing is there that a new trial would overwrite.

    Raises:
        ConfigError: there is.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{shown(folder)} is there already, and an assignment is never overwritten. Name another --out.")


def write_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write a trial's folder whole; only its owner may look in, for it names persons.

    Raises:
        ConfigError: the folder can't be made.
    """
    require_new_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The description goes last: a folder without it is no trial.
        for name in sorted(files, key=lambda name: name == DESCRIPTION):
            write_text_durably(folder / name, files[name], mode=0o600)
    except OSError as error:
        raise ConfigError(f"{shown(folder)} can't be written ({error.strerror}).") from error


def read_folder(folder: Path) -> TrialFolder:
    """Read a trial back.

    Raises:
        ConfigError: it is not there, was cut short, or was changed since it was written.
    """
    try:
        texts = {name: (folder / name).read_text() for name in (DESCRIPTION, ASSIGNMENT, EXPERIMENTS)}
        description = json.loads(texts[DESCRIPTION])
        trial = Trial(*(description[name] for name in ("experiment_id", "lever", "unit", "share", "seed")))
        shas = {ASSIGNMENT: description["assignment_sha256"], EXPERIMENTS: description["experiments_sha256"]}
        datetime.fromisoformat(description["assigned_at"])
    except OSError as error:
        raise ConfigError(f"{shown(folder)} is no trial: {Path(str(error.filename)).name} can't be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{shown(folder / DESCRIPTION)} does not describe a trial ({error}).") from error
    for name, sha in shas.items():
        if sha256_text(texts[name]) != sha:
            raise ConfigError(f"{shown(folder / name)} was changed after it was written; its hash in {DESCRIPTION} is another.")
    rows = [{key: unsafe(value) for key, value in row.items()} for row in csv.DictReader(io.StringIO(texts[ASSIGNMENT]))]
    experiments = [
        ExperimentRow(*(unsafe(row[name]) for name in ("source_id", "unit_id", "arm")), datetime.fromisoformat(row["assigned_at"]))
        for row in csv.DictReader(io.StringIO(texts[EXPERIMENTS]))
    ]
    return TrialFolder(folder, trial, description, rows, experiments)
