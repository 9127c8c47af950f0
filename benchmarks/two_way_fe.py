"""A two-way fixed-effects regression with clustered standard errors: Twoway's sufficient statistics against pyfixest.

Both sides read the same file, in a process of their own; reading and imports count, making the data does not.
This process imports nothing large: a child's peak memory starts at its parent's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from typing import Any

MODULE = "benchmarks.two_way_fe"
SIDES = ("twoway", "pyfixest")
VARIANTS = ("balanced", "unbalanced", "shuffled")
REGRESSORS = ("x1", "x2")
# Goals of the project: a tenth of the CPU and a sixth of the memory, the same coefficients.
CPU_GOAL, MEMORY_GOAL, COEFFICIENT_GOAL = 10.0, 6.0, 1e-7


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--weeks", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--format", choices=("duckdb", "parquet"), default="duckdb")
    chosen = parser.parse_args(arguments)
    for variant in chosen.variants:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"panel.{chosen.format}"
            _run("make", str(file), variant, str(chosen.customers), str(chosen.weeks), str(chosen.seed))
            # In turn, so that both sides meet the same noise.
            rounds = [{side: _run(side, str(file)) for side in SIDES} for _ in range(chosen.repeats)]
        for figure in _figures(rounds):
            print(json.dumps({"benchmark": "two_way_fe", "variant": variant, "format": chosen.format, **figure}), flush=True)


def _run(*arguments: str) -> dict[str, Any]:
    """Result of a child process, with its CPU seconds (user and system) and peak memory (GiB)."""
    command = [sys.executable, "-c", f"import sys; from {MODULE} import child; child(*sys.argv[1:])", *arguments]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
        output.seek(0)
        result = json.loads(output.read().splitlines()[-1])
    return {**result, "cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_gib": usage.ru_maxrss / 2**20}


def _figures(rounds: list[dict[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    last = rounds[-1]
    yield {"figure": "rows", "value": last["twoway"]["n_rows"]}
    medians = {}
    for figure in ("cpu_seconds", "peak_gib"):
        for side in SIDES:
            values = [round(found[side][figure], 3) for found in rounds]
            medians[figure, side] = statistics.median(values)
            yield {"figure": figure, "side": side, "value": medians[figure, side], "rounds": values}
    for figure, goal in (("cpu_seconds", CPU_GOAL), ("peak_gib", MEMORY_GOAL)):
        ratio = medians[figure, "pyfixest"] / medians[figure, "twoway"]
        yield {"figure": f"{figure}_ratio", "value": round(ratio, 2), "goal": goal, "reached": ratio >= goal}
    for side in SIDES:
        for figure in ("coefficients", "standard_errors"):
            yield {"figure": figure, "side": side, "value": last[side][figure]}
    for figure in ("coefficients", "standard_errors"):
        pairs = zip(last["twoway"][figure], last["pyfixest"][figure], strict=True)
        difference = max(abs(ours - theirs) for ours, theirs in pairs)
        yield {"figure": f"{figure}_difference", "value": difference, "goal": COEFFICIENT_GOAL, "reached": difference <= COEFFICIENT_GOAL}


def child(side: str, *arguments: str) -> None:
    """What a child process does; prints its result as JSON."""
    print(json.dumps({"make": make, "twoway": twoway, "pyfixest": pyfixest}[side](*arguments)))


def make(file: str, variant: str, n_customers: str, n_weeks: str, seed: str) -> dict[str, Any]:
    """Write the panel. Unbalanced: customers enter in the first 40 % of weeks, leave in the last 40 %, and miss 10 %."""
    import duckdb
    import numpy as np

    customers, weeks, rng = int(n_customers), int(n_weeks), np.random.default_rng(int(seed))
    customer, week = (codes.ravel().astype(np.int32) for codes in np.indices((customers, weeks)))
    if variant == "unbalanced":
        first, last = rng.integers(0, weeks * 2 // 5, customers), rng.integers(weeks * 3 // 5, weeks + 1, customers)
        present = (week >= first[customer]) & (week < last[customer]) & (rng.random(len(week)) < 0.9)
        customer, week = customer[present], week[present]
    noise = rng.normal(size=(2, len(week)))
    x1 = noise[0] + rng.normal(size=customers)[customer] + rng.normal(size=weeks)[week]
    x2 = rng.poisson(0.3, len(week)).astype(np.float64)
    y = 0.1 * x1 + 0.05 * x2 + rng.normal(size=customers)[customer] + rng.normal(size=weeks)[week] + noise[1] * (1 + x2)
    rows = {"customer": customer, "week": week, "y": y, "x1": x1, "x2": x2}
    order = "hash(customer, week)" if variant == "shuffled" else "customer, week"
    is_parquet = file.endswith(".parquet")
    with duckdb.connect(":memory:" if is_parquet else file) as connection:
        connection.execute("set enable_progress_bar = false")
        connection.register("made", rows)
        query = f"from made order by {order}"
        connection.execute(
            f"copy ({query}) to '{file}' (format parquet, compression zstd)" if is_parquet else f"create table panel as {query}"
        )
    return {}


def twoway(file: str) -> dict[str, Any]:
    """Sufficient statistics by customer from the file, and the fit, with the product's settings of DuckDB."""
    from pipelines.claim.sufficient import fit
    from pipelines.sufficient_statistics import PanelRelation, duckdb, sufficient_statistics

    with duckdb.connect(config={"preserve_insertion_order": False}) as connection:
        if file.endswith(".parquet"):
            connection.execute(f"create view panel as from '{file}'")
        else:
            connection.execute(f"attach '{file}' as data (read_only); create view panel as from data.panel")
        relation = PanelRelation("panel", ("customer",), "week", ("y", *REGRESSORS), ("customer",))
        found = fit(sufficient_statistics(connection, relation, "suff_cluster"), 0, [1, 2])
    errors = [sqrt(found.covariance[j, j]) for j in range(len(REGRESSORS))]
    return _result(found.coefficients.tolist(), errors, found.n_rows, found.n_clusters, found.n_parameters)


def pyfixest(file: str) -> dict[str, Any]:
    """pyfixest at its leanest, polars in, its default demeaner and tolerance."""
    import polars as pl
    import pyfixest as pf

    if file.endswith(".parquet"):
        rows = pl.read_parquet(file)
    else:
        import duckdb

        with duckdb.connect(file, read_only=True) as connection:
            connection.execute("set enable_progress_bar = false")
            rows = connection.sql("from panel").pl()
    found = pf.feols(
        f"y ~ {' + '.join(REGRESSORS)} | customer + week",
        rows,
        vcov={"CRV1": "customer"},
        # The default's standard errors depend on PYTHONHASHSEED.
        ssc=pf.ssc(k_fixef="none"),
        lean=True,
        store_data=False,
        copy_data=False,
    )
    return _result(found.coef().to_list(), found.se().to_list(), len(rows), rows["customer"].n_unique(), len(REGRESSORS))


def _result(coefficients: list[float], errors: list[float], n_rows: int, n_clusters: int, n_parameters: int) -> dict[str, Any]:
    """Standard errors leave without their small-sample factor: the sides count absorbed parameters differently."""
    factor = n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - n_parameters)
    return {"coefficients": coefficients, "standard_errors": [error / sqrt(factor) for error in errors], "n_rows": n_rows}


if __name__ == "__main__":
    main()
