"""Source systems as Dagster sees them: one asset a table, days as partitions, each source failing alone, no secret in the history."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from starlette.requests import Request
from starlette.responses import Response

from pipelines.assets.landing import landing_assets, landing_keys, window_tags
from pipelines.definitions import build_definitions
from pipelines.ingest import last_attempts, require_a_source, usable_loads
from pipelines.progress import ProgressHandler
from pipelines.running import STOPPED, run_refresh
from pipelines.settings import Settings, load_settings
from tests.fakes.github import GitHub
from tests.fakes.scripted import Answer, Scripted
from tests.fakes.server import served
from tests.integration.test_kit_secrets import EMAIL, SAID, SECRETS, TOKEN

TABLES = ("repositories", "issues", "comments", "review_comments", "releases")


class Company:
    """A GitHub account that may be down, and the runs of a home that reads it."""

    def __init__(self, home: Path) -> None:
        self.github = GitHub()
        self.github.repository("acme/app")
        self.first = self.github.issue("acme/app", "jane", "it breaks")
        self.is_down = False
        self.asked: list[str] = []
        self.home = home
        self.settings = Settings()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope)
        self.asked.append(f"{request.url.path}?{request.url.query}")
        await (Response(b"{}", 400) if self.is_down else self.github.app)(scope, receive, send)

    def configure(self, url: str, *others: dict[str, Any], **more: Any) -> None:
        entry = {"id": "gh", "system": "github", "base_url": f"{url}/", "repositories": ["acme/app"], **more}
        self.settings = Settings(home=self.home, systems=[entry, *others])
        self.settings.paths.prepare()

    def land(
        self, instance: dg.DagsterInstance, tags: Mapping[str, str] | None = None, config: dict[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        self.asked.clear()
        return dg.materialize(
            landing_assets(self.settings),
            resources={"run_lock": dg.ResourceDefinition.none_resource()},
            tags=tags if tags is not None else window_tags(self.settings, datetime.now(UTC)),
            instance=instance,
            raise_on_error=False,
            run_config=config,
        )


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(tmp_path / "home")
    with served(made) as url:
        made.configure(url)
        yield made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def fresh(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {".".join(each.asset_key.path[1:]): each.passed for each in result.get_asset_check_evaluations()}


def days_of(result: dg.ExecuteInProcessResult, table: str = "issues") -> list[str]:
    events = result.asset_materializations_for_node("landing__gh")
    return sorted(str(event.partition) for event in events if event.asset_key.path[-1] == table)


def test_each_table_of_a_source_is_an_asset_that_says_what_came(company: Company, instance: dg.DagsterInstance) -> None:
    assert [".".join(key.path) for key in landing_keys(company.settings)] == [f"landing.gh.{table}" for table in TABLES]
    result = company.land(instance)
    assert result.success
    said = {event.asset_key.path[-1]: event.metadata for event in result.asset_materializations_for_node("landing__gh")}
    assert {table: (said[table]["rows read"].value, said[table]["rows new or changed"].value) for table in TABLES} == {
        "repositories": (1, 1), "issues": (1, 1), "comments": (0, 0), "review_comments": (0, 0), "releases": (0, 0),
    }  # fmt: skip
    assert fresh(result) == {f"gh.{table}": True for table in TABLES}

    again = company.land(instance)
    said = {event.asset_key.path[-1]: event.metadata for event in again.asset_materializations_for_node("landing__gh")}
    assert (said["issues"]["rows read"].value, said["issues"]["rows new or changed"].value) == (1, 0)


def test_a_source_that_is_down_leaves_the_others_alone_and_its_last_load_in_use(company: Company, instance: dg.DagsterInstance) -> None:
    other = Company(company.home)
    with served(other) as url:
        (entry,) = company.settings.systems
        company.settings = company.settings.model_copy(update={"systems": [entry, {**entry, "id": "other", "base_url": f"{url}/"}]})
        assert company.land(instance).success
        before = {attempt.source_id: attempt.complete_at for attempt in last_attempts(company.settings)}
        company.is_down = True
        other.github.issue("acme/app", "joe", "and this")
        result = company.land(instance)
    assert result.success
    assert fresh(result) == {f"{source}.{table}": source == "other" for source in ("gh", "other") for table in TABLES}
    broken, fine = last_attempts(company.settings)
    assert (broken.source_id, broken.complete_at) == ("gh", before["gh"])
    assert broken.error is not None
    assert "400" in broken.error
    assert (fine.error, fine.n_rows) == (None, 1)
    assert sorted(load.source_id for load in usable_loads(company.settings)) == ["gh", "other", "other"]
    require_a_source(company.settings)


def test_days_that_were_read_are_partitions_and_today_goes_on_from_the_cursor(company: Company, instance: dg.DagsterInstance) -> None:
    today = datetime.now(UTC)
    start = today - timedelta(days=3)
    (entry,) = company.settings.systems
    company.settings = company.settings.model_copy(update={"systems": [{**entry, "backfill_from": f"{start:%Y-%m-%d}T00:00:00Z"}]})
    company.github.now = start + timedelta(hours=5)
    company.github.issue("acme/app", "joe", "another")
    # As if midnight never came while this test runs.
    assert days_of(company.land(instance)) == [f"{start + timedelta(days=day):%Y-%m-%d}" for day in range(4)]
    assert next(asked for asked in company.asked if "/issues?" in asked).endswith(f"since={start:%Y-%m-%d}T00%3A00%3A00%2B00%3A00")
    assert days_of(company.land(instance)) == [f"{today:%Y-%m-%d}"]
    newest = max(issue["updated_at"] for issue in company.github.issues["acme/app"].values())
    assert f"since={newest.replace(':', '%3A')}" in next(asked for asked in company.asked if "/issues?" in asked)


def test_earlier_days_are_read_once_more_in_one_run_from_some_days_before(company: Company, instance: dg.DagsterInstance) -> None:
    company.land(instance)
    days = {"dagster/asset_partition_range_start": "2024-03-05", "dagster/asset_partition_range_end": "2024-03-07"}
    (entry,) = company.settings.systems
    company.settings = company.settings.model_copy(
        update={"systems": [{**entry, "backfill_from": "2024-01-01T00:00:00Z", "look_back_days": 3}]}
    )
    company.github.now = datetime(2024, 3, 6, 12, tzinfo=UTC)
    late = company.github.issue("acme/app", "joe", "written while the cursor was past it")
    result = company.land(instance, days)
    assert result.success
    assert days_of(result) == ["2024-03-05", "2024-03-06", "2024-03-07"]
    asked = [each for each in company.asked if "/issues?" in each]
    assert "since=2024-03-02T00%3A00%3A00" in asked[0]
    assert late == 2
    said = {event.asset_key.path[-1]: event.metadata for event in result.asset_materializations_for_node("landing__gh")}
    assert {each["rows new or changed"].value for each in [said["issues"]]} == {1}

    company.is_down = True
    failed = company.land(instance, days)
    assert not failed.success
    assert days_of(failed) == []


def test_the_terminal_says_how_far_a_source_is(company: Company) -> None:
    lines: list[str] = []

    @dg.logger(config_schema={})
    def terminal(_: dg.InitLoggerContext) -> logging.Logger:
        made = logging.Logger("terminal", level=logging.DEBUG)
        made.addHandler(ProgressHandler(lines.append, seconds_between=0))
        return made

    job = dg.define_asset_job("land", selection=dg.AssetSelection.all(), executor_def=dg.in_process_executor)
    resources = {"run_lock": dg.ResourceDefinition.none_resource()}
    definitions = dg.Definitions(assets=landing_assets(company.settings), jobs=[job], resources=resources, loggers={"terminal": terminal})
    tags = window_tags(company.settings, datetime.now(UTC))
    with dg.DagsterInstance.ephemeral() as instance:
        definitions.resolve_job_def("land").execute_in_process({"loggers": {"terminal": {}}}, instance, tags=tags)
    assert "    gh: issues: 1 read, 1 new or changed, " in [line[:42] for line in lines]
    assert lines[-1].split()[:3] == ["pull", "gh", "ok"]


def test_since_reads_once_more_from_any_day(company: Company, instance: dg.DagsterInstance) -> None:
    company.land(instance)
    company.land(instance, config={"ops": {"landing__gh": {"config": {"since": "2023-05-06T00:00:00Z"}}}})
    assert "since=2023-05-06T00%3A00%3A00" in next(each for each in company.asked if "/issues?" in each)


def test_the_job_reads_days_in_one_run_and_tells_what_is_not_fresh(company: Company) -> None:
    definitions = build_definitions(company.settings)
    graph = definitions.resolve_asset_graph()
    for key in landing_keys(company.settings):
        node = graph.get(key)
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
        assert node.freshness_policy is not None
        raw = dg.AssetKey(["raw", f"github__{key.path[-1]}"])
        assert graph.get(raw).parent_keys == {key}
    staged = graph.get(dg.AssetKey(["staging", "stg_github__support_tickets"]))
    assert dg.AssetKey(["raw", "github__issues"]) in staged.parent_keys
    tick = definitions.resolve_schedule_def("daily_refresh").evaluate_tick(dg.build_schedule_context())
    assert tick.run_requests is not None
    (request,) = tick.run_requests
    assert request.tags["dagster/asset_partition_range_end"] == f"{datetime.now(UTC):%Y-%m-%d}"


def test_dagsters_history_holds_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENDESK_TOKEN", TOKEN)
    monkeypatch.setenv("ZENDESK_EMAIL", EMAIL)
    monkeypatch.chdir(tmp_path)
    with served(Scripted(Answer({"error": SAID}, 400, {"x-token": TOKEN}))) as url:
        (tmp_path / "twoway.toml").write_text(f'[[systems]]\nid = "desk"\nsystem = "zendesk"\nbase_url = "{url}/"\n')
        result = run_refresh(load_settings(tmp_path / "home"), None, show_progress=False)
    assert result.exit_code == STOPPED
    assert "HTTP 400" in "\n".join(result.messages)
    written = {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert any(b"HTTP 400" in content for path, content in written.items() if "history" in path.parts)
    found = {(str(path), secret) for path, content in written.items() for secret in SECRETS if secret in content}
    assert found == set()
    assert not any(secret.decode() in "\n".join(result.messages) for secret in SECRETS)
