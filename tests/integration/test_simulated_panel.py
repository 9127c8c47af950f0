"""A simulated company's files, through the models, are the arrays that the simulator says they are."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

from pipelines.claim.linear import Floats, Integers
from pipelines.claim.policy_shift import policy_shift_of
from pipelines.claim.sample import Panel, Turns
from pipelines.claim_samples import PANEL_COLUMNS, read_panel, read_turns
from pipelines.simulate.arrays import panel_of, turns_of
from pipelines.simulate.canonical import SIMULATED_PLAN, canonical_tables
from pipelines.simulate.company import Company, simulate
from pipelines.simulate.frames import observed_until
from pipelines.simulate.worlds import world_named
from tests.warehouse import CompiledProject, Warehouse

N_CUSTOMERS, N_WEEKS, SEED = 300, 14, 3
# Many questions, few agents, long waits: shifts that are cells of their own, ones that are not, and ones that tell nothing.
BUSY = replace(world_named("true"), name="busy", contact_rate=0.4, n_agents=6, n_queues=2, log_wait=1.8)
WORLDS = (world_named("true"), world_named("holdout"), world_named("bot_heavy"), BUSY)
RATES = (0.0, 0.3, 0.5, 0.7, 0.9)
Sample = TypeVar("Sample", Panel, Turns)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Landed:
    """A company as the simulator says it is and as the warehouse reads it, customers and rows in the simulator's order."""

    warehouse: Warehouse
    said: Panel
    read: Panel
    said_turns: Turns
    read_turns: Turns


@pytest.fixture(scope="module")
def warehouse(compiled_project: CompiledProject) -> Iterator[Warehouse]:
    wanted = ("lever_quantiles", "dose_response", "first_stage_bins", "instrument_balance", "roster_queues")
    with Warehouse(compiled_project, *wanted, plan=SIMULATED_PLAN) as warehouse:
        yield warehouse


@pytest.fixture(scope="module", params=WORLDS, ids=lambda world: world.name)
def landed(warehouse: Warehouse, request: pytest.FixtureRequest) -> Landed:
    company = simulate(request.param, SEED, N_CUSTOMERS, N_WEEKS)
    _fill(warehouse, company)
    customer = _customers(warehouse)
    panel, turns = read_panel(warehouse.connection), read_turns(warehouse.connection)
    panel = replace(panel, customer=customer[panel.customer])
    turns = replace(turns, customer=customer[turns.customer])
    return Landed(
        warehouse=warehouse,
        said=panel_of(company),
        read=_in_order(panel, np.lexsort((panel.week, panel.customer))),
        said_turns=turns_of(company),
        # Of one customer, turns are in order of time already.
        read_turns=_in_order(turns, np.argsort(turns.customer, kind="stable")),
    )


def _fill(warehouse: Warehouse, company: Company) -> None:
    pieces: dict[str, list[pl.DataFrame]] = {}
    for name, frame in canonical_tables(company):
        if not frame.is_empty():
            pieces.setdefault(name, []).append(frame)
    end = EPOCH + timedelta(microseconds=observed_until(company.n_weeks))
    # A run scores texts after landing; here each reply has the tone that the simulator drew.
    warehouse.fill({}, as_of=end)
    _score(warehouse, company)
    warehouse.fill({name: pl.concat(parts) for name, parts in pieces.items()}, as_of=end)


def _score(warehouse: Warehouse, company: Company) -> None:
    tones = pl.DataFrame({"ticket": np.arange(len(company.contacts)) + 1, "tone": company.answers.tone}).filter(  # noqa: F841
        pl.Series(company.answers.is_human)
    )
    warehouse.connection.execute(
        """
        delete from run.message_warmth;
        insert into run.message_warmth by name
        select 'support_messages' as system, 's' as source_id, 't' || ticket || '-5' as message_id, tone::double as warmth,
            'scored' as status, 'tone' as scorer_version
        from tones
        """
    )


def _customers(warehouse: Warehouse) -> Integers:
    """(customers,) the simulator's code of each customer of the panel."""
    found = warehouse.connection.execute(
        """
        select users.id[2:]::bigint - 1
        from claim.panel_customers as panel
        inner join intermediate.int_identity__clusters as users
            on panel.customer_id = users.customer_id and users.system = 'support_users'
        order by panel.brand_id, panel.customer_id
        """
    ).fetchall()
    return np.array([code for (code,) in found])


def _in_order(sample: Sample, order: Integers) -> Sample:
    changed = {}
    for field in fields(sample):
        value = getattr(sample, field.name)
        if isinstance(value, np.ndarray):
            changed[field.name] = value[order]
        elif isinstance(value, dict):
            changed[field.name] = {name: column[order] for name, column in value.items()}
    return replace(sample, **changed)


def _assert_same_codes(said: Integers | None, read: Integers | None, kept: int) -> None:
    """Codes stand for the same things, whatever their numbers; `kept` is the same number in both."""
    assert said is not None
    assert read is not None
    pairs = set(zip(said.tolist(), read.tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
    assert np.array_equal(said == kept, read == kept)


def _assert_close(said: Floats, read: Floats, name: str) -> None:
    np.testing.assert_allclose(read, said, rtol=1e-9, atol=1e-9, equal_nan=True, err_msg=name)


def test_the_panel_is_the_simulators(landed: Landed) -> None:
    said, read = landed.said, landed.read
    for name in ("customer", "brand", "week"):
        assert np.array_equal(getattr(said, name), getattr(read, name)), name
    assert (said.first_week, said.last_week) == (read.first_week, read.last_week)
    assert said.broadcast_reach == read.broadcast_reach == "customer"
    for name in ("turns", "responsiveness", "outcome"):
        _assert_close(getattr(said, name), getattr(read, name), name)
    assert tuple(sorted(read.broadcast)) == RATES
    for rate in RATES:
        _assert_close(said.broadcast[rate], read.broadcast[rate], f"broadcast at {rate}")
    assert said.turns.sum() > 300


def test_shifts_and_slots_of_the_panel_are_the_simulators(landed: Landed) -> None:
    _assert_same_codes(landed.said.shift, landed.read.shift, kept=-1)
    _assert_same_codes(landed.said.slot, landed.read.slot, kept=0)


def test_agents_of_the_panel_are_the_simulators(landed: Landed) -> None:
    _assert_same_codes(landed.said.agent, landed.read.agent, kept=-1)


def test_every_further_column_of_the_panel_is_the_simulators(landed: Landed) -> None:
    said, read = landed.said.columns, landed.read.columns
    assert said.keys() == read.keys()
    for name in said:
        _assert_close(said[name], read[name], name)


def test_the_turns_are_the_simulators(landed: Landed) -> None:
    said, read = landed.said_turns, landed.read_turns
    for name in ("customer", "brand", "week"):
        assert np.array_equal(getattr(said, name), getattr(read, name)), name
    _assert_close(said.responsiveness, read.responsiveness, "responsiveness")
    _assert_same_codes(said.shift, read.shift, kept=-1)
    _assert_same_codes(said.slot, read.slot, kept=0)
    _assert_same_codes(said.agent, read.agent, kept=-1)
    assert said.columns.keys() == read.columns.keys()
    for name in said.columns:
        _assert_close(said.columns[name], read.columns[name], name)


def test_the_policy_shifts_are_those_of_the_arrays(landed: Landed) -> None:
    rows = landed.warehouse.connection.execute(
        "select adstock_rate, responsiveness_p25, responsiveness_p75, broadcast_p25, broadcast_p75 from claim.lever_quantiles"
    ).fetchall()
    assert {rate for rate, *_ in rows} == set(RATES)
    for rate, *percentiles in rows:
        said = policy_shift_of(landed.said, rate, min_turns=5)
        assert said is not None
        expected = (said.responsiveness_p25, said.responsiveness_p75, said.broadcast_p25, said.broadcast_p75)
        assert percentiles == pytest.approx(expected, abs=1e-9)


def test_the_worlds_offer_every_column() -> None:
    """So that no column goes uncompared."""
    offered = {name for world in WORLDS for name in panel_of(simulate(world, SEED, N_CUSTOMERS, N_WEEKS)).columns}
    assert offered == set(PANEL_COLUMNS) - {"n_severity_5"}


def _clustered(values: pd.Series, cluster: pd.Series) -> tuple[float, float]:
    """Mean and clustered standard error by statsmodels."""
    fit = sm.OLS(values.to_numpy(), np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": pd.factorize(cluster)[0]})
    return float(fit.params[0]), float(fit.bse[0])


def test_the_dose_response_is_that_of_pandas_and_statsmodels(landed: Landed) -> None:
    panel = landed.warehouse.connection.sql("from claim.panel_customer_week").df()
    turns = landed.warehouse.connection.sql("from claim.episode_turns inner join core.fct_response_turns as waits using (turn_id)").df()
    # The panel is balanced, so demeaning once is demeaning for good.
    by_customer, by_week = (panel.groupby(name).outcome.transform("mean") for name in ("customer_id", "week_start"))
    panel["adjusted"] = panel.outcome - by_customer - by_week + 2 * panel.outcome.mean()
    turns = turns.merge(panel[["customer_id", "week_start", "outcome", "adjusted"]], on=["customer_id", "week_start"])
    edges = [-1, 300, 900, 3600, 14400, 86400, 259200, np.inf]
    waits = turns.human_wait_calendar_seconds
    turns["bin_number"] = np.where(waits.isna(), 8, np.searchsorted(edges, waits.fillna(0), side="right"))
    rows = landed.warehouse.connection.sql("from claim.dose_response order by bin_number").fetchall()
    assert [row[0] for row in rows] == sorted(turns.bin_number.unique())
    for number, _, n_turns, n_customers, *found in rows:
        chosen = turns[turns.bin_number == number]
        assert (n_turns, n_customers) == (len(chosen), chosen.customer_id.nunique())
        expected = [*_clustered(chosen.outcome, chosen.customer_id), *_clustered(chosen.adjusted, chosen.customer_id)]
        assert found == pytest.approx(expected, abs=1e-9)


def test_the_first_stage_falls_with_the_shortfall_and_is_that_of_pandas(landed: Landed) -> None:
    turns = landed.warehouse.connection.sql("from claim.episode_turns where shortfall is not null and not is_incident").df()
    turns["responsiveness"] = turns.responsiveness.astype(float)
    for name in ("shortfall", "responsiveness"):
        by_slot, by_week = turns.groupby(["queue", "slot"])[name].transform("mean"), turns.groupby("week_start")[name].transform("mean")
        turns[f"{name}_left"] = turns[name] - by_slot - by_week + turns[name].mean()
    turns = turns.sort_values(["shortfall_left", "turn_id"], ignore_index=True)
    bins = np.array_split(np.arange(len(turns)), 20)
    rows = landed.warehouse.connection.sql("from claim.first_stage_bins order by bin_number").fetchall()
    assert len(rows) == 20
    for (_, n_turns, n_shifts, shortfall, responsiveness, error), places in zip(rows, bins, strict=True):
        chosen = turns.iloc[places]
        assert (n_turns, n_shifts) == (len(chosen), chosen.shift_id.nunique())
        expected = (chosen.shortfall_left.mean(), *_clustered(chosen.responsiveness_left, chosen.shift_id))
        assert (shortfall, responsiveness, error) == pytest.approx(expected, abs=1e-9)
    slope = np.polyfit([row[3] for row in rows], [row[4] for row in rows], 1)[0]
    assert slope < 0
