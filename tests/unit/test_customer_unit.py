"""The plan's customer unit reaches the models."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from pipelines.landing import Landing
from pipelines.paths import DEFAULT_PLAN
from pipelines.plan import load_plan
from pipelines.warehouse import RunContext, load_raw


@pytest.mark.parametrize("unit", ["person", "account"])
def test_the_plans_customer_unit_is_written_for_the_models(tmp_path: Path, unit: str) -> None:
    plan = tmp_path / "plan.yml"
    plan.write_text(DEFAULT_PLAN.read_text().replace("customer_unit: person", f"customer_unit: {unit}"))
    context = RunContext(datetime(2024, 1, 1, tzinfo=UTC), [], load_plan(plan), b"key", hide_agents=False)
    with duckdb.connect(":memory:") as connection:
        load_raw(connection, Landing(tmp_path / "landing"), context)
        assert connection.execute("select customer_unit from run.analysis_plan").fetchall() == [(unit,)]
        assert connection.execute("select count(*) from run.probable_identity_edges").fetchall() == [(0,)]
