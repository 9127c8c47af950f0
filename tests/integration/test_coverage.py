"""Twenty small companies through simulator, estimator, gates and rule: what `make coverage` does three hundred times a world."""

from dataclasses import replace

import pytest
from scipy import stats

from pipelines.coverage.certificate import POOLED, job_of
from pipelines.coverage.runs import simulate_many
from pipelines.coverage.simulation import Simulation
from pipelines.coverage.summary import accuracy, is_false_contradiction, is_false_support, summarise
from pipelines.coverage.table import tables
from pipelines.simulate.worlds import WORLDS

N = 20
SEED = 90_000_000


@pytest.fixture(scope="module")
def by_world() -> dict[str, list[Simulation]]:
    """Four companies of each of the five worlds, 1,500 customers by 40 weeks."""
    return {name: simulate_many(job_of(WORLDS[name], i, SEED, 1500, 40), N // len(POOLED), 1) for i, name in enumerate(POOLED)}


def least(n: int, share: float, chance: float = 1e-4) -> int:
    """Successes that a share this high falls below with this chance only."""
    return int(stats.binom.ppf(chance, n, share))


@pytest.mark.parametrize("parameter", ["beta_r", "beta_b", "delta"])
def test_intervals_hold_the_truth_as_often_as_they_say(by_world: dict[str, list[Simulation]], parameter: str) -> None:
    found = accuracy([run.found[parameter] for runs in by_world.values() for run in runs])
    assert found is not None
    assert found.covered.trials == N
    assert found.covered.successes >= least(N, 0.95)


def test_the_naive_estimate_on_the_same_companies_is_far_off(by_world: dict[str, list[Simulation]]) -> None:
    confounded = [run for name in ("true", "null", "confounded") for run in by_world[name]]
    naive = accuracy([run.naive["delta"] for run in confounded])
    assert naive is not None
    assert naive.covered.successes == 0
    assert naive.bias < -0.02
    assert all(run.naive_decision.verdict == "contradicted" for run in by_world["null"])


def test_no_verdict_is_false_beyond_chance(by_world: dict[str, list[Simulation]]) -> None:
    nothing = [run for name in ("null", "confounded") for run in by_world[name]]
    assert sum(is_false_support(run) for run in nothing) <= N // len(POOLED)
    assert sum(is_false_contradiction(run, 0.01) for run in by_world["true"]) <= 2


def test_a_roster_that_is_cut_because_of_outages_is_found_out() -> None:
    runs = simulate_many(job_of(WORLDS["broken_instrument"], 9, SEED, 4000, 52), 2, 1)
    assert all(run.decision.reason_code == "identification" for run in runs)
    assert all(set(run.failed_gates) & {"G2", "G3", "G4"} for run in runs)


def test_the_same_seed_gives_the_same_numbers_whatever_the_number_of_processes() -> None:
    job = job_of(replace(WORLDS["true"]), 3, SEED, 300, 12)
    assert simulate_many(job, 2, 1) == simulate_many(job, 2, 2)


def test_the_tables_tell_what_the_runs_hold(by_world: dict[str, list[Simulation]]) -> None:
    summaries = [summarise(runs, 0.01) for runs in by_world.values()]
    text = tables(summaries, by_world, POOLED)
    covered = sum(run.found["delta"].covers for runs in by_world.values() for run in runs)
    (pooled,) = [line for line in text.splitlines() if line.startswith("| **pooled") and "| Δ |" in line]
    assert f"| {N} | {covered / N:.3f} (" in pooled
