"""`twoway roster …`: the template, and the conversion of a workforce-management export."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Bring the roster of planned and actual shifts.")
OutOption = Annotated[Path, typer.Option(help="File to write; never overwritten.")]


@app.command()
def template(
    out: OutOption = Path("support_shifts.csv"),
    shape: Annotated[bool, typer.Option("--shape", help="The shape of an export instead.")] = False,
) -> None:
    """Write an example of support_shifts.csv, or of a --shape file, to fill in."""
    from pipelines.paths import shown
    from pipelines.roster.convert import DEFAULT_SHAPE, TEMPLATE

    _require_new(out)
    shutil.copyfile(DEFAULT_SHAPE if shape else TEMPLATE, out)
    print(
        f"{shown(out)}: "
        + ("say what your exports' columns are called." if shape else "one row per agent and stretch of planned work, in UTC.")
    )


@app.command()
def convert(
    planned: Annotated[Path, typer.Argument(metavar="PLANNED", help="Export of planned activities.")],
    actual: Annotated[Path, typer.Argument(metavar="ACTUAL", help="Export of actual activities.")],
    out: OutOption = Path("support_shifts.csv"),
    shape: Annotated[Path | None, typer.Option(help="What the exports look like (default: NICE IEX WFM detail exports).")] = None,
) -> None:
    """Make support_shifts.csv from exports of planned and of actual activities."""
    from pipelines.experiment.files import csv_text
    from pipelines.files_io import write_text_durably
    from pipelines.paths import shown
    from pipelines.roster.convert import COLUMNS, DEFAULT_SHAPE, load_shape, shifts_rows, working_spans
    from pipelines.roster.convert import convert as converted

    _require_new(out)
    how = load_shape(shape or DEFAULT_SHAPE)
    found = converted(
        working_spans(planned, how, how.planned, how.working.planned), working_spans(actual, how, how.actual, how.working.actual)
    )
    write_text_durably(out, csv_text(COLUMNS, shifts_rows(found.shifts)), mode=0o600)
    agents = {shift.agent_id for shift in found.shifts}
    absent = sum(shift.actual is None for shift in found.shifts)
    print(f"{shown(out)}: {len(found.shifts):,} rows, {len(agents):,} agents, {absent:,} rows absent")
    print(f"planned {found.hours(actual=False):,.1f} h, actual {found.hours(actual=True):,.1f} h")
    for hours, what in (
        (found.unplanned, "of work touched no planned time and are left out"),
        (found.unwatched, "were planned for when the actual export has not begun or has ended, and are left out"),
    ):
        if hours:
            print(f"{hours.total_seconds() / 3600:,.1f} h {what}.")


def _require_new(out: Path) -> None:
    from pipelines.errors import ConfigError
    from pipelines.paths import shown

    if out.exists():
        raise ConfigError(f"{shown(out)} is there already and is not overwritten. Name another --out.")
    if not out.parent.is_dir():
        raise ConfigError(f"{shown(out.parent)} is not there. Make the folder, or name another --out.")
