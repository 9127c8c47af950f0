"""From units to a trial's files, and later from the tickets that came to their rows."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pipelines.errors import ConfigError
from pipelines.experiment import population
from pipelines.experiment.assignment import (
    ARMS,
    Candidate,
    SampleRatio,
    Slot,
    Trial,
    arm_of,
    assign,
    assign_stratified,
    coming_slots,
    sample_ratio,
)
from pipelines.experiment.files import (
    ASSIGNMENT,
    DESCRIPTION,
    EXPERIMENTS,
    GUIDE,
    ExperimentRow,
    TrialFolder,
    csv_text,
    experiments_text,
    instant_text,
    plain_unit_id,
    safe,
    sha256_text,
)
from pipelines.experiment.guide import guide

STRATA = ("brand", "account")


@dataclass(frozen=True)
class Options:
    """How units are taken and split.

    Args:
        assigned_at: the instant of the assignment (UTC).
        stratify: `brand` or `account`, or None for a hash per unit.
        weeks: weeks ahead, for shifts.
    """

    assigned_at: datetime
    stratify: str | None = None
    weeks: int = 8


@dataclass(frozen=True)
class Assignment:
    """A trial's files by name, and what to tell about them."""

    files: dict[str, str]
    ratio: SampleRatio
    n_units: int
    n_ids: int
    notes: list[str]


def make_assignment(
    connection: duckdb.DuckDBPyConnection, trial: Trial, options: Options, earlier: TrialFolder | None = None
) -> Assignment:
    """Randomise the units that the build knows.

    Args:
        earlier: the same trial as assigned before; whoever is in it keeps the arm.

    Raises:
        ConfigError: there is nobody to assign, or the options do not fit the unit.
    """
    if trial.unit == "customer":
        made = _customers(connection, trial, options, earlier)
    elif options.stratify is not None:
        raise ConfigError(f"--stratify {options.stratify} is for customers: a {trial.unit} has none.")
    else:
        made = _tickets(connection, trial, options) if trial.unit == "ticket" else _shifts(connection, trial, options)
    return _packed(connection, trial, options, made, earlier)


@dataclass(frozen=True)
class _Made:
    columns: tuple[str, ...]
    listed: Sequence[tuple[str, ...]]
    rows: Sequence[ExperimentRow]
    notes: Sequence[str]


def _customers(connection: duckdb.DuckDBPyConnection, trial: Trial, options: Options, earlier: TrialFolder | None) -> _Made:
    everyone = population.customers(connection)
    units, notes = _reachable(everyone, trial.lever)
    if not units:
        raise ConfigError("The build holds no customers, so nobody could be assigned.")
    if options.stratify is None:
        arms = assign(trial, (unit.key for unit in units))
    else:
        strata = {unit.key: unit.brands if options.stratify == "brand" else unit.account for unit in units}
        notes.append(f"Split within {len(set(strata.values())):,} strata by {options.stratify}.")
        arms = assign_stratified(trial, [Candidate(key, stratum) for key, stratum in strata.items()])
    before = {} if earlier is None else {(row["system"], row["source_id"], row["id"]): row["arm"] for row in earlier.assignment}
    owners = Counter((each.source_id, each.id) for unit in units for each in {(i.source_id, i.id): i for i in unit.ids}.values())
    listed = [] if earlier is None else [tuple(row[column] for column in CUSTOMER_COLUMNS) for row in earlier.assignment]
    rows = [] if earlier is None else list(earlier.experiments)
    n_torn = 0
    for unit in units:
        held = [before[key] for each in unit.ids if (key := (each.system, each.source_id, each.id)) in before]
        n_torn += len(set(held)) > 1
        arm = held[0] if held else arms[unit.key]
        listed += [(each.system, each.source_id, each.id, arm) for each in unit.ids if (each.system, each.source_id, each.id) not in before]
        if not held:
            first = unit.ids[0]
            unit_id = plain_unit_id(first.system, first.id, owners[first.source_id, first.id] > 1)
            rows.append(ExperimentRow(first.source_id, unit_id, arm, options.assigned_at))
    if n_torn:
        notes.append(f"{n_torn:,} customers turned out to be one with another of the other arm; each id keeps its arm.")
    return _Made(CUSTOMER_COLUMNS, listed, rows, notes)


CUSTOMER_COLUMNS = ("system", "source_id", "id", "arm")


def _reachable(everyone: Sequence[population.Customer], lever: str) -> tuple[list[population.Customer], list[str]]:
    """Those whom the lever can reach: a campaign goes to CRM contacts, where there are any."""
    with_contact = [unit for unit in everyone if unit.ids[0].system == "crm_contacts"]
    if lever != "broadcast" or not with_contact:
        return list(everyone), []
    n_out = len(everyone) - len(with_contact)
    return with_contact, [f"{n_out:,} customers without a CRM contact are left out: no campaign reaches them."] if n_out else []


def _tickets(connection: duckdb.DuckDBPyConnection, trial: Trial, options: Options) -> _Made:
    tickets = population.open_tickets(connection)
    listed = [("support_tickets", ticket.source_id, ticket.ticket_id, arm_of(trial, ticket.ticket_id)) for ticket in tickets]
    rows = [ticket_row(trial, ticket, options.assigned_at) for ticket in tickets]
    notes = [f"Open tickets only; every later ticket follows the rule in {GUIDE}."]
    return _Made(CUSTOMER_COLUMNS, listed, rows, notes)


def ticket_row(trial: Trial, ticket: population.Ticket, assigned_at: datetime) -> ExperimentRow:
    """A ticket's row; its arm is the hash of its id alone, so that a help desk can compute it on arrival."""
    unit_id = plain_unit_id("support_tickets", ticket.ticket_id, is_ambiguous=False)
    return ExperimentRow(ticket.source_id, unit_id, arm_of(trial, ticket.ticket_id), assigned_at)


def _shifts(connection: duckdb.DuckDBPyConnection, trial: Trial, options: Options) -> _Made:
    desks = population.desks(connection)
    if not desks:
        raise ConfigError("The build holds no tickets of the last 13 weeks, so no queue is known whose shifts could be assigned.")
    slots = coming_slots(desks, options.assigned_at, options.weeks)
    # As many priority weeks for each slot and queue as the share allows: a Monday morning is no Sunday night.
    arms = assign_stratified(trial, [Candidate(slot.key, slot.stratum) for slot in slots])
    listed = [_shift_cells(slot, arms[slot.key]) for slot in slots]
    rows = [
        ExperimentRow("twoway", plain_unit_id("shift", slot.key, is_ambiguous=False), arms[slot.key], options.assigned_at) for slot in slots
    ]
    notes = [f"{len(desks):,} queues, {options.weeks} weeks from {slots[0].week_start} on, 21 slots a week of 8 hours local time."]
    return _Made(("brand_id", "queue", "week_start", "slot", "starts_at", "ends_at", "arm"), listed, rows, notes)


def _shift_cells(slot: Slot, arm: str) -> tuple[str, ...]:
    instants = (instant_text(slot.starts_at), instant_text(slot.ends_at))
    return (slot.brand_id, slot.queue, slot.week_start.isoformat(), str(slot.number), *instants, arm)


def _packed(connection: duckdb.DuckDBPyConnection, trial: Trial, options: Options, made: _Made, earlier: TrialFolder | None) -> Assignment:
    build = population.build_facts(connection)
    ratio = sample_ratio(trial.lever, trial.share, (row.arm for row in made.rows))
    notes = list(made.notes)
    quoted = 0 if trial.unit == "shift" else sum(safe(cells[2]) != cells[2] for cells in made.listed)
    if quoted:
        notes.append(f"{quoted:,} ids stand behind an apostrophe in {ASSIGNMENT}: they start with = + - @ or ', which spreadsheets run.")
    assignment = csv_text(made.columns, made.listed)
    experiments = experiments_text(trial, made.rows)
    stratified = "slot and queue" if trial.unit == "shift" else options.stratify
    description = {
        "experiment_id": trial.experiment_id,
        "lever": trial.lever,
        "unit": trial.unit,
        "share": trial.share,
        "seed": trial.seed,
        "arms": list(ARMS[trial.lever]),
        "method": "hash" if stratified is None else "stratified",
        "stratified_by": stratified,
        "rule": trial.rule if stratified is None else "the list; no rule of one unit alone",
        "assigned_at": instant_text(options.assigned_at if earlier is None else earlier.assigned_at),
        "extended_at": None if earlier is None else instant_text(options.assigned_at),
        "build": {"run_id": build.run_id, "as_of": instant_text(build.as_of)},
        "n_units": len(made.rows),
        "n_by_arm": dict(ratio.counts),
        "expected_by_arm": dict(ratio.expected),
        "sample_ratio_p": ratio.p,
        "assignment_sha256": sha256_text(assignment),
        "experiments_sha256": sha256_text(experiments),
    }
    files = {ASSIGNMENT: assignment, EXPERIMENTS: experiments, DESCRIPTION: json.dumps(description, indent=1) + "\n"}
    files[GUIDE] = guide(trial, stratified)
    return Assignment(files, ratio, len(made.rows), len(made.listed), notes)


def recorded(connection: duckdb.DuckDBPyConnection, folder: TrialFolder) -> list[ExperimentRow]:
    """All rows of a ticket trial by now: those of the assignment, and every ticket created since, by the same rule.

    Raises:
        ConfigError: the trial's units were all known when it was assigned.
    """
    if folder.trial.unit != "ticket":
        raise ConfigError(
            f"There is nothing to record: all {folder.trial.unit}s were known when they were assigned. "
            f"{EXPERIMENTS} in {folder.path.name} is complete."
        )
    rows = {(row.source_id, row.unit_id): row for row in folder.experiments}
    # What came between the build and the assignment was not on the list, but the rule held for it too.
    since = min(folder.assigned_at, datetime.fromisoformat(folder.description["build"]["as_of"]))
    for ticket in population.tickets_since(connection, since):
        row = ticket_row(folder.trial, ticket, max(ticket.created_at, folder.assigned_at))
        rows.setdefault((row.source_id, row.unit_id), row)
    return [rows[key] for key in sorted(rows)]
