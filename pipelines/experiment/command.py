"""`twoway experiment …`: assign, record, readout."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Run a randomised trial: who gets which arm, what came of it.")
HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of the home (default ./twoway_home).")]


def share_of(text: str) -> float:
    """A share from `5%` or `0.05`.

    Raises:
        ConfigError: it is neither, or not strictly between 0 and 1.
    """
    from pipelines.errors import ConfigError

    stripped = text.strip()
    try:
        share = float(stripped.removesuffix("%")) / (100 if stripped.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f"--share {text!r} is no share. Write 5% or 0.05.") from None
    if not 0 < share < 1:
        raise ConfigError(f"--share {text} is out of range: both arms need units, so write more than 0 and less than 100%, like 5%.")
    return share


@app.command()
def assign(
    out: Annotated[Path, typer.Option(help="Folder to write; never overwritten.")],
    lever: Annotated[str | None, typer.Option(help="broadcast (a holdout) or responsiveness (a queue-priority trial).")] = None,
    unit: Annotated[str | None, typer.Option(help="customer, ticket or shift.")] = None,
    share: Annotated[str | None, typer.Option(help="Share held out, or given priority, like 5%.")] = None,
    experiment_id: Annotated[str | None, typer.Option("--id", help="Name of the trial (default: lever, unit and day).")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed is another assignment (default: the plan's).")] = None,
    stratify: Annotated[str | None, typer.Option(help="Customers only: exact share within each brand or account.")] = None,
    weeks: Annotated[int, typer.Option(help="Shifts only: weeks ahead.", min=1, max=104)] = 8,
    extend: Annotated[Path | None, typer.Option(help="Earlier assignment of customers to add the new ones to.")] = None,
    as_of: Annotated[str | None, typer.Option(help="Instant of the assignment, like 2026-01-31T09:30:00Z (default: now).")] = None,
    home: HomeOption = None,
) -> None:
    """Randomise customers, tickets or coming shifts, and write the lists."""
    from pipelines.errors import ConfigError
    from pipelines.experiment.assigning import STRATA, Options, make_assignment
    from pipelines.experiment.assignment import Trial
    from pipelines.experiment.files import read_folder, require_new_folder, write_folder
    from pipelines.experiment.population import open_build
    from pipelines.experiment.text import assignment_text
    from pipelines.plan import load_plan
    from pipelines.settings import instant, load_settings, now

    settings = load_settings(home)
    at = now() if as_of is None else instant(as_of)
    if stratify is not None and stratify not in STRATA:
        raise ConfigError(f"--stratify {stratify!r} is unknown: use {' or '.join(STRATA)}.")
    earlier = None if extend is None else read_folder(extend)
    if earlier is not None:
        if any(given is not None for given in (lever, unit, share, experiment_id, seed, stratify)):
            raise ConfigError(
                "--extend goes on with a trial as it was set up: leave out --lever, --unit, --share, --id, --seed, --stratify."
            )
        if earlier.trial.unit != "customer" or earlier.description["method"] != "hash":
            raise ConfigError("Only customers assigned without --stratify can be extended: any other list is complete as it is.")
        trial = earlier.trial
    else:
        if lever is None or unit is None or share is None:
            raise ConfigError("Say what is tried on whom: --lever broadcast|responsiveness --unit customer|ticket|shift --share 5%.")
        chosen = share_of(share)
        name = experiment_id or f"{lever}-{unit}-{at:%Y-%m-%d}"
        try:
            trial = Trial(name, lever, unit, chosen, load_plan(settings.plan).plan.seed if seed is None else seed)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    require_new_folder(out)
    with open_build(settings.paths) as connection:
        made = make_assignment(connection, trial, Options(at, stratify, weeks), earlier)
    write_folder(out, made.files)
    print(assignment_text(trial, made, out))


@app.command()
def record(
    trial: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that `assign` wrote.")],
    out: Annotated[Path, typer.Option(help="File to write, like company/experiments.csv; never overwritten.")],
    home: HomeOption = None,
) -> None:
    """Write the rows of all tickets that came since a ticket trial was assigned."""
    from pipelines.errors import ConfigError
    from pipelines.experiment.assigning import recorded
    from pipelines.experiment.files import experiments_text, read_folder
    from pipelines.experiment.population import open_build
    from pipelines.experiment.text import recorded_text
    from pipelines.files_io import write_text_durably
    from pipelines.paths import shown
    from pipelines.settings import load_settings

    settings = load_settings(home)
    folder = read_folder(trial)
    if out.exists():
        raise ConfigError(f"{shown(out)} is there already and is not overwritten. Move it away first: the new file holds its rows too.")
    if not out.parent.is_dir():
        raise ConfigError(f"{shown(out.parent)} is not there. Make the folder, or name another --out.")
    with open_build(settings.paths) as connection:
        rows = recorded(connection, folder)
    write_text_durably(out, experiments_text(folder.trial, rows), mode=0o600)
    print(recorded_text(folder, rows, out))


@app.command()
def readout(
    trial: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Folder that `assign` wrote: the planned share to check against.")
    ] = None,
    home: HomeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same as JSON.")] = False,
) -> None:
    """Print what the published trial showed."""
    from pipelines.experiment.files import read_folder
    from pipelines.experiment.readout import read_trials, readout_text
    from pipelines.settings import load_settings

    found = read_trials(load_settings(home).paths, None if trial is None else read_folder(trial))
    print(json.dumps(found.as_json(), indent=1, default=str) if as_json else readout_text(found))
