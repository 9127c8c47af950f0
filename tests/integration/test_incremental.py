"""An incremental build against a full one, day by day, through all that late and edited data can do."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from pipelines.dbt import dbt_environment, target_folder
from pipelines.ingest import land_sources, usable_loads
from pipelines.landing import Landing
from pipelines.paths import DBT_PROJECT
from pipelines.plan import load_plan
from pipelines.settings import FilesSettings, Settings
from pipelines.state import begin_build, finish_build
from pipelines.warehouse import RunContext, connect, load_raw
from tests.daily_company import DailyCompany
from tests.warehouse import CompiledProject, Warehouse

N_DAYS = 30
# What is published from events, and the intermediate tables that only dirty keys are computed for.
COMPARED = [
    "fct_tickets", "fct_response_turns", "fct_messages", "fct_mentions", "fct_ticket_history", "fct_daily_backlog", "fct_ratings",
    "fct_sla_targets", "fct_broadcasts", "dim_customer",
    "int_support__clock_readings", "int_support__waits", "int_support__stations", "int_support__status_intervals",
    "int_support__schedule_intervals", "int_conversations__turn_waits", "int_changes__applied_tickets",
    "int_changes__applied_conversations",
]  # fmt: skip


class Home:
    """A home that is built day by day without Dagster."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "input"
        self.settings = Settings(home=root / "home", files=[FilesSettings(id="s", path=self.folder)])
        self.paths = self.settings.paths
        self.paths.prepare()

    def build(self, company: DailyCompany) -> bool:
        """Land the company's export of the day and build on top of the day before.

        Returns:
            Whether everything was computed anew.
        """
        company.write(self.folder)
        land_sources(self.settings)
        run = RunContext(company.as_of, usable_loads(self.settings), load_plan(self.settings.plan), b"key", hide_agents=False)
        with connect(self.paths.build, "1GB", self.paths.temp) as connection:
            load_raw(connection, Landing(self.paths.landing), run)
        is_full = begin_build(self.paths, "1GB", full_refresh=False)
        command = [sys.executable, "-m", "dbt.cli.main", "--quiet", "build", "--project-dir", str(DBT_PROJECT), "--profiles-dir"]
        command += [str(DBT_PROJECT), "--target-path", str(target_folder(self.paths)), *(["--full-refresh"] if is_full else [])]
        command += ["--exclude-resource-type", "test", "unit_test", "--select", *(f"+{name}" for name in COMPARED)]
        done = subprocess.run(
            command, env={**os.environ, **dbt_environment(self.paths, "1GB")}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
        finish_build(self.paths, "1GB")
        return is_full


def differences(incremental: Path, full: Warehouse) -> dict[str, int]:
    """Rows of each compared table that only one of the two builds has."""
    found: dict[str, int] = {}
    full.connection.execute(f"attach '{incremental}' as kept (read_only)")
    for model in full.models:
        if model.name in COMPARED:
            table = f"{model.schema}.{model.name}"
            described = full.connection.execute(f"select column_name from (describe build.{table})").fetchall()
            columns = ", ".join(f'"{name}"' for (name,) in described)
            row = full.connection.execute(
                f"""
                select count(*) from (
                    (select {columns} from kept.{table} except all select {columns} from build.{table})
                    union all (select {columns} from build.{table} except all select {columns} from kept.{table})
                )
                """
            ).fetchone()
            assert row is not None
            if row[0]:
                found[table] = row[0]
    full.connection.execute("detach kept")
    return found


def test_thirty_days_of_late_and_edited_data_give_the_tables_of_a_full_build(compiled_project: CompiledProject, tmp_path: Path) -> None:
    home, company = Home(tmp_path), DailyCompany(seed=20261122)
    wrong: dict[int, dict[str, int]] = {}
    n_partial = 0
    with Warehouse(compiled_project, *COMPARED) as full:
        for day in range(1, N_DAYS + 1):
            company.advance()
            is_full = home.build(company)
            assert is_full == (day == 1)
            full.copy(home.paths.build)
            found = differences(home.paths.build, full)
            if found:
                wrong[day] = found
            with duckdb.connect(str(home.paths.build), read_only=True) as connection:
                dirty, tickets = connection.execute(
                    "select (select count(*) from intermediate.int_changes__dirty_tickets), count(*) from core.fct_tickets"
                ).fetchone() or (0, 0)
            n_partial += dirty < tickets
    assert wrong == {}
    assert n_partial > N_DAYS / 2
