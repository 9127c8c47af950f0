"""What `twoway simulate` does."""

import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

from pipelines.contract import tables
from pipelines.errors import ConfigError
from pipelines.simulate.canonical import PLAN_FILE, TRUTH_FILE, write_company
from pipelines.simulate.company import simulate
from pipelines.simulate.worlds import Waits, world_named


def simulate_into(folder: Path, world: str, seed: int, n_customers: int, n_weeks: int, force: bool, waits: str | None = None) -> str:
    """Simulate a company into a folder and say what was written.

    Args:
        folder: where to.
        world, seed, n_customers, n_weeks: what the company is made from.
        force: whether a company that is already there is replaced.
        waits: how waits come about, `queue` or `law`; None leaves it to the world.

    Raises:
        ConfigError: unknown world or waits, sizes too small, or a folder that holds something and `force` is not given.
    """
    parameters = world_named(world)
    if waits is not None:
        parameters = replace(parameters, waits=_known_waits(waits))
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Name a folder with --out.")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise ConfigError(f"{folder} is not empty. Name another folder with --out, or replace its company with --force.")
        _clear(folder)
    started = time.monotonic()
    rows = write_company(simulate(parameters, seed, n_customers, n_weeks), folder)
    seconds = time.monotonic() - started
    return (
        f"{sum(rows.values()):,} rows in {len(rows)} tables, {seconds:.1f} s: {folder}\n"
        f"What is true of it: {folder / TRUTH_FILE}\n"
        f"Try: twoway run --input {folder} --plan {folder / PLAN_FILE}"
    )


def _known_waits(name: str) -> Waits:
    known: tuple[Waits, ...] = get_args(Waits)
    found = next((each for each in known if each == name), None)
    if found is None:
        raise ConfigError(f"There are no waits {name!r}. Waits: {', '.join(sorted(known))}.")
    return found


def _clear(folder: Path) -> None:
    """Remove a company's files and leave everything else: a table of the old one must not join the new one."""
    for name in (*(f"{table}.parquet" for table in tables()), PLAN_FILE, TRUTH_FILE):
        (folder / name).unlink(missing_ok=True)
