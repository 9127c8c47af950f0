"""m as a share of the mean outcome, and the plan that is shipped for inputs that hold money."""

from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml

from pipelines.errors import ConfigError
from pipelines.estimation import _settled, question_of
from pipelines.paths import DEFAULT_PLAN, REVENUE_PLAN
from pipelines.plan import load_plan
from pipelines.settings import load_settings
from tests.unit.test_event_study import panel


def test_half_a_percent_of_the_mean_becomes_an_amount_for_estimates_and_verdicts() -> None:
    plan = load_plan(REVENUE_PLAN).plan
    with pytest.raises(ConfigError, match="share of the mean outcome"):
        question_of(plan)
    connection = duckdb.connect()
    connection.execute("create schema run; create table run.analysis_plan as select null::double as sesoi")
    connection.execute("create table run.claim_entries as select unnest(['C1', 'C2', 'C7']) as claim_id, null::double as sesoi")
    # A mean of 80 a quarter: 0.40 matters. Money lost on the whole is told by its size.
    for mean in (80.0, -80.0):
        settled = _settled(connection, plan, panel(np.full((4, 3), mean), np.zeros(4, dtype=np.int64)))
        assert question_of(settled).smallest_effect == pytest.approx(0.4)
        assert settled.claims.C3 is not None
        assert settled.claims.C3.smallest_effect == pytest.approx(0.4)
    assert connection.execute("select sesoi from run.claim_entries union all from run.analysis_plan").fetchall() == [(0.4,)] * 4


def test_an_amount_stays_whatever_the_mean() -> None:
    plan = load_plan(DEFAULT_PLAN).plan
    assert plan.claims.settled(123.0) == plan.claims
    assert load_plan(REVENUE_PLAN).plan.claims.settled(0.0).C1.smallest_effect == 0.005


def test_a_plan_gives_one_of_both(tmp_path: Path) -> None:
    content = yaml.safe_load(REVENUE_PLAN.read_text())
    for more in ({"smallest_effect_of_interest": 1.0}, {"smallest_effect_share_of_mean": None}, {"smallest_effect_share_of_mean": 1.5}):
        changed = {**content, "claims": {**content["claims"], "C2": {**content["claims"]["C2"], **more}}}
        (tmp_path / "plan.yml").write_text(yaml.safe_dump(changed))
        with pytest.raises(ConfigError, match="C2"):
            load_plan(tmp_path / "plan.yml")


def test_money_on_record_is_the_outcome_unless_a_plan_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "support_tickets.csv").write_text("ticket_id\n")
    assert load_settings(input_folder=folder).plan == DEFAULT_PLAN
    (folder / "crm_revenue_notes.csv").write_text("")
    assert load_settings(input_folder=folder).plan == DEFAULT_PLAN
    (folder / "crm_revenue.csv.gz").write_bytes(b"")
    assert load_settings(input_folder=folder).plan == REVENUE_PLAN
    assert load_settings(input_folder=folder, plan=DEFAULT_PLAN).plan == DEFAULT_PLAN
    (folder / "plan.yml").write_text(DEFAULT_PLAN.read_text())
    assert load_settings(input_folder=folder).plan == folder / "plan.yml"
