"""The two certificates: of the published company's shape, and the product's own table in docs/coverage.md."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pipelines import __version__
from pipelines.coverage.company import CompanyShape
from pipelines.coverage.runs import Job, simulate_many
from pipelines.coverage.simulation import Simulation
from pipelines.coverage.summary import summarise
from pipelines.coverage.table import tables
from pipelines.estimation import question_of
from pipelines.files_io import write_text_durably
from pipelines.paths import PACKAGE
from pipelines.plan import load_plan
from pipelines.simulate.worlds import WORLDS, World

SIMULATED_PLAN = PACKAGE / "plans" / "simulated.yml"
COMPANY_WORLDS = ("true", "null", "confounded")
POOLED = ("true", "false", "null", "confounded", "unconfounded")
OTHERS = ("weak_instrument", "broken_instrument", "holdout", "bot_heavy", "inverted_u", "staggered")
TABLE_CUSTOMERS, TABLE_WEEKS = 4000, 52
# Seeds of worlds never meet, nor do those of the table and of a company's certificate.
SEED_STEP, COMPANY_SEED, TABLE_SEED = 100_000, 5_000_000, 20_000_000


def job_of(world: World, position: int, base_seed: int, n_customers: int, n_weeks: int) -> Job:
    """One world's job under the plan for simulated companies."""
    plan = load_plan(SIMULATED_PLAN).plan
    question = replace(question_of(plan), smallest_effect=world.sesoi)
    return Job(world, base_seed + position * SEED_STEP, n_customers, n_weeks, question, plan.claims.C1.policy_shift.min_turns_per_week)


def certify_company(shape: CompanyShape, n_sims: int, seed: int = 0, n_processes: int | None = None) -> str:
    """Simulate companies of this shape and tell how the product does on them, as Markdown."""
    jobs = [
        job_of(shape.world(name), position, COMPANY_SEED + seed * SEED_STEP * len(COMPANY_WORLDS), shape.n_customers, shape.n_weeks)
        for position, name in enumerate(COMPANY_WORLDS)
    ]
    runs = _run(jobs, n_sims, n_processes)
    summaries = [summarise(runs[job.world.name], job.question.smallest_effect) for job in jobs]
    head = f"Companies of this shape: {shape.text}. {n_sims} simulations per world, seeds from {jobs[0].first_seed:,}."
    return "\n\n".join([head, tables(summaries, runs, COMPANY_WORLDS)])


def write_company_certificate(text: str, path: Path) -> None:
    """Keep the certificate in the home, where the report takes it from."""
    write_text_durably(path, text + "\n")


def make_table(
    n_sims: int, out: Path, worlds: Sequence[str] = (*POOLED, *OTHERS), n_processes: int | None = None
) -> dict[str, list[Simulation]]:
    """The product's own table: every world at 4,000 customers by 52 weeks, written to `out` with what it was made on."""
    started = time.time()
    jobs = [job_of(WORLDS[name], list(WORLDS).index(name), TABLE_SEED, TABLE_CUSTOMERS, TABLE_WEEKS) for name in worlds]
    runs = _run(jobs, n_sims, n_processes)
    summaries = [summarise(runs[job.world.name], job.question.smallest_effect) for job in jobs]
    minutes = (time.time() - started) / 60
    head = f"""# How often the product would be wrong

Every row: companies simulated event by event with known truth, put through the estimator, the gates and the rule that
`twoway run` uses. {TABLE_CUSTOMERS:,} customers, {TABLE_WEEKS} weeks, {n_sims} companies per world, fresh seeds
({TABLE_SEED:,} + 100,000 for each world, counted on from there). Shares carry their 95 % Wilson intervals.
A *false* verdict is judged against the company's own true Δ, with its own realised percentiles.

Made by `make coverage` with Twoway {__version__} on {time.strftime("%Y-%m-%d", time.gmtime(started))} in {minutes:.0f} minutes
({platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}).
"""
    write_text_durably(out, "\n".join([head, tables(summaries, runs, [name for name in POOLED if name in worlds]), ""]))
    return runs


def save_runs(runs: dict[str, list[Simulation]], path: Path) -> None:
    """Every simulation as a line of JSON, for whoever wants to count otherwise."""
    lines = [json.dumps(asdict(run), sort_keys=True) for each in runs.values() for run in each]
    write_text_durably(path, "\n".join(lines) + "\n")


def _run(jobs: Sequence[Job], n_sims: int, n_processes: int | None) -> dict[str, list[Simulation]]:
    return {job.world.name: simulate_many(job, n_sims, n_processes, _progress(job.world.name, n_sims)) for job in jobs}


def _progress(world: str, n_sims: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if sys.stderr.isatty() or done % max(n_sims // 10, 1) == 0:
            end = "\r" if sys.stderr.isatty() and done < n_sims else "\n"
            print(f"  {world}: {done} of {n_sims} companies", end=end, file=sys.stderr, flush=True)

    return tell


def main() -> None:
    """`make coverage`: the product's own table, with every simulation beside it where asked for."""
    import argparse

    parser = argparse.ArgumentParser(description="Write the table of docs/coverage.md.")
    parser.add_argument("--sims", type=int, default=300, help="companies per world")
    parser.add_argument("--worlds", default=",".join((*POOLED, *OTHERS)), help="worlds, with commas between")
    parser.add_argument("--out", type=Path, default=Path("docs/coverage.md"))
    parser.add_argument("--runs", type=Path, default=None, help="also write every simulation as JSON lines")
    arguments = parser.parse_args()
    runs = make_table(arguments.sims, arguments.out, arguments.worlds.split(","))
    if arguments.runs is not None:
        save_runs(runs, arguments.runs)


if __name__ == "__main__":
    main()
