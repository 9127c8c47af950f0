"""The rule in Python gives the verdict and the reason that the SQL of claim_verdict gives."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import duckdb
import jinja2
import numpy as np
import polars as pl
import pytest

from pipelines.claim.results import Check, EffectEstimate
from pipelines.claim.rule import Decision, decide
from pipelines.paths import DBT_PROJECT
from tests.unit.test_rule import ROW

M = 0.01
N_INPUTS = 2000
# Few values, so that most comparisons meet their boundary now and then.
GRID = np.array([-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3]) * M
GATES = ("G1", "G2", "G3", "G4", "G5", "G6", "G7", "G8", "G9")
REASONS = {
    "data_quality", "identification", "fragile", "yardstick_conflict", "null", "reverse", "strong", "supported", "tie", "wide",
}  # fmt: skip


@dataclass(frozen=True)
class Input:
    """What the rule reads of one claim."""

    delta: EffectEstimate | None
    theta: EffectEstimate | None
    lam: EffectEstimate | None
    secondary: tuple[EffectEstimate, ...]
    checks: tuple[Check, ...]

    @property
    def rows(self) -> list[EffectEstimate]:
        return [row for row in (self.delta, self.theta, self.lam, *self.secondary) if row is not None]


def any_of(rng: np.random.Generator, values: Sequence[Any], chances: Sequence[float] | None = None) -> Any:
    return values[rng.choice(len(values), p=chances)]


def an_estimate(rng: np.random.Generator, claim: str, quantity: str, lever: str) -> EffectEstimate:
    """Intervals that hold their estimate and each other, any part of them absent or without end now and then."""
    middle = float(rng.choice(GRID))
    reach = sorted(float(each) for each in rng.choice(np.abs(GRID), 2))
    ends: dict[str, float | None] = {
        "ci90_lo": middle - reach[0], "ci90_hi": middle + reach[0], "ci95_lo": middle - reach[1], "ci95_hi": middle + reach[1],
    }  # fmt: skip
    for name in ends:
        if rng.random() < 0.02:
            ends[name] = any_of(rng, [None, -np.inf if name.endswith("lo") else np.inf])
    estimate = any_of(rng, [middle, None, float("nan"), float("inf")], [0.97, 0.01, 0.01, 0.01])
    se = any_of(rng, [0.1, 0.0, None, float("nan")], [0.95, 0.03, 0.01, 0.01])
    row = replace(ROW, estimate_id=f"{claim}|{quantity}|{lever}", claim_id=claim, quantity=quantity, lever=lever, estimate=estimate, se=se)
    grade_r, grade_b = any_of(rng, "ABCD", [0.4, 0.5, 0.07, 0.03]), any_of(rng, "ABCD", [0.3, 0.3, 0.35, 0.05])
    return replace(row, evidence_grade_r=grade_r, evidence_grade_b=grade_b, **ends)


def a_secondary(rng: np.random.Generator, claim: str, i: int) -> EffectEstimate:
    row = replace(
        an_estimate(rng, claim, "effect", "responsiveness"), outcome=f"outcome_{i}", is_primary=False,
        p=any_of(rng, [0.0, 0.0125, 0.02, 0.025, 0.04, 0.05, 0.3, None]), more_is_better=any_of(rng, [True, False, None]),
    )  # fmt: skip
    return replace(row, estimate_id=f"{row.estimate_id}|{i}", estimate=any_of(rng, [float(rng.choice(GRID)), None], [0.95, 0.05]))


def an_input(rng: np.random.Generator, claim: str) -> Input:
    theta = an_estimate(rng, claim, "theta", "responsiveness")
    if rng.random() < 0.5:
        # Sure of the first lever: else hardly any contrast would ever be supported.
        theta = replace(theta, ci95_lo=1.2 * M, ci90_lo=1.3 * M, ci90_hi=2 * M)
    failed = [any_of(rng, GATES)] if rng.random() < 0.25 else []
    checks = [
        # One that does not block fails without consequence.
        Check(f"{claim}|{code}|{blocks}", code, claim, None, "dq", "", None, None, blocks and code not in failed, blocks, "")
        for code in GATES
        for blocks in (True, False)
        if rng.random() < 0.5
    ]
    return Input(
        delta=an_estimate(rng, claim, "delta", "contrast") if rng.random() < 0.97 else None,
        theta=theta if rng.random() < 0.95 else None,
        lam=an_estimate(rng, claim, "lambda", "contrast") if rng.random() < 0.3 else None,
        secondary=tuple(a_secondary(rng, claim, i) for i in range(int(rng.integers(0, 4)))),
        checks=tuple(checks),
    )


def table(rows: Sequence[EffectEstimate | Check], kind: type[Any]) -> pl.DataFrame:
    """Rows with the columns of the run's table, absent values as NULL."""
    types = {"float": pl.Float64, "bool": pl.Boolean, "int": pl.Int64, "date": pl.Date}
    schema = {field.name: types.get(str(getattr(field.type, "__name__", field.type)).split(" ")[0], pl.String) for field in fields(kind)}
    return pl.DataFrame([asdict(row) for row in rows], schema=schema).with_columns(run_id=pl.lit("r"))


def verdicts(inputs: dict[str, Input]) -> dict[str, Decision]:
    """What the SQL says of every input, each as a claim of its own."""
    source = (DBT_PROJECT / "models/verdicts/claim_verdict.sql").read_text()
    sql = jinja2.Template(source).render(ref=lambda name: name, source=lambda schema, name: f"{schema}_{name}")
    names = list(inputs)
    with duckdb.connect() as connection:
        connection.register("effect_estimates", table([row for each in inputs.values() for row in each.rows], EffectEstimate))
        connection.register("robustness_checks", table([check for each in inputs.values() for check in each.checks], Check))
        connection.register("claims", pl.DataFrame({"claim_id": names}).with_columns(rule=pl.lit("two_levers"), correction=pl.lit("none")))
        connection.register("run_claim_entries", pl.DataFrame({"claim_id": names}).with_columns(sesoi=pl.lit(M), is_exploratory=False))
        connection.execute("create table run_analysis_plan as select 'y' as outcome_name, 13 as horizon_weeks")
        connection.execute("create table design_offers (claim_id text, position int, is_offered bool, evidence_grade text, to_record text)")
        connection.execute(
            """
            create table run_context as
            select 'r' as run_id, 'p' as plan_sha, 'd' as data_sha, 'v' as code_version, 1 as seed, now() as as_of
            """
        )
        found = connection.execute(f"select claim_id, verdict, reason_code from ({sql})").fetchall()
    return {claim: Decision(verdict, reason) for claim, verdict, reason in found}


def test_python_and_sql_decide_alike() -> None:
    rng = np.random.default_rng(20261122)
    inputs = {name: an_input(rng, name) for name in (f"claim_{i:04d}" for i in range(N_INPUTS))}
    by_sql = verdicts(inputs)
    by_python = {name: decide(each.delta, each.theta, list(each.checks), M, each.lam, each.secondary) for name, each in inputs.items()}
    assert {name: (by_sql[name], by_python[name]) for name in inputs if by_sql[name] != by_python[name]} == {}
    counts = Counter(decision.reason_code for decision in by_sql.values())
    assert set(counts) == REASONS
    assert min(counts.values()) >= 15, counts


@pytest.mark.parametrize(
    ("p", "does_good", "reason"),
    [
        ((0.04,), (False,), "fragile"),
        ((0.06,), (False,), "strong"),
        ((0.04,), (True,), "strong"),
        # Holm: of two, the smaller p-value counts twice.
        ((0.03, 0.9), (False, False), "strong"),
        ((0.02, 0.9), (False, True), "fragile"),
        ((0.02, 0.04), (True, False), "fragile"),
    ],
)
def test_a_significant_secondary_outcome_that_points_the_other_way_is_fragile(
    p: tuple[float, ...], does_good: tuple[bool, ...], reason: str
) -> None:
    sure = {"estimate": 0.03, "se": 0.001, "ci95_lo": 0.028, "ci95_hi": 0.032, "ci90_lo": 0.0284, "ci90_hi": 0.0316}
    delta = replace(ROW, claim_id="c", **sure)
    theta = replace(delta, estimate_id="theta", quantity="theta", lever="responsiveness")
    blank = replace(ROW, claim_id="c", quantity="effect", is_primary=False, se=0.1, estimate=0.2)
    rows = tuple(
        replace(blank, estimate_id=f"s{i}", outcome=f"o{i}", p=each, more_is_better=good)
        for i, (each, good) in enumerate(zip(p, does_good, strict=True))
    )
    # Once as outcomes that rise, once as outcomes that fall.
    for told in (rows, tuple(replace(row, estimate=-(row.estimate or 0), more_is_better=not row.more_is_better) for row in rows)):
        found = Input(delta, theta, None, told, ())
        assert decide(delta, theta, [], M, None, told).reason_code == reason
        assert verdicts({"c": found})["c"].reason_code == reason
