"""Many simulations side by side, each a process of its own kind: the same seeds give the same numbers anywhere."""

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from pipelines.claim.service_over_broadcast import Question
from pipelines.coverage.simulation import Simulation, run_simulation
from pipelines.simulate.worlds import World

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One world at one size.

    Args:
        world: data-generating process.
        first_seed: of the first simulation; the next ones count on from it.
        n_customers, n_weeks: size of every company.
        question: what the plan asks.
        min_turns: least turns of a week that counts.
    """

    world: World
    first_seed: int
    n_customers: int
    n_weeks: int
    question: Question
    min_turns: int


def simulate_many(job: Job, n: int, n_processes: int | None = None, progress: Callable[[int], None] | None = None) -> list[Simulation]:
    """Run a job n times.

    Args:
        job: what to run.
        n: simulations.
        n_processes: processes; as many as the machine has cores unless given. One runs in this process.
        progress: told how many are done.
    """
    seeds = range(job.first_seed, job.first_seed + n)
    n_processes = n_processes or os.cpu_count() or 1
    runs: list[Simulation] = []
    for run in _in_order(job, seeds, n_processes):
        runs.append(run)
        if progress is not None:
            progress(len(runs))
    return runs


def _in_order(job: Job, seeds: range, n_processes: int) -> Iterator[Simulation]:
    if n_processes == 1:
        yield from (_run(job, seed) for seed in seeds)
        return
    with _one_thread_each(), ProcessPoolExecutor(n_processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run, [job] * len(seeds), seeds)


@contextmanager
def _one_thread_each() -> Generator[None]:
    """Threads of linear algebra would fight over the cores that the processes share out."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _run(job: Job, seed: int) -> Simulation:
    return run_simulation(job.world, seed, job.n_customers, job.n_weeks, job.question, job.min_turns)
