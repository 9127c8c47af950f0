"""The code location as Dagster sees it, and a run started from its UI."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from pipelines.definitions import build_definitions
from pipelines.settings import Settings
from tests.conftest import TWOWAY

LAUNCH = """
mutation ($job: String!, $location: String!) {
  launchRun(executionParams: {
    selector: {jobName: $job, repositoryName: "__repository__", repositoryLocationName: $location}, mode: "default", runConfigData: {}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
DEADLINE_SECONDS = 600


@pytest.fixture(scope="module")
def definitions(published_home: Path) -> dg.Definitions:
    return build_definitions(Settings(home=published_home))


def test_every_asset_has_group_kind_owner_and_description(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    keys = graph.materializable_asset_keys
    assert len(keys) > 100
    for key in keys:
        spec = graph.get(key)
        assert spec.group_name not in (None, "default"), key
        assert spec.owners == ["team:data"], key
        assert spec.kinds, key
        assert spec.description, key


def test_the_line_runs_from_landing_to_report(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    report = dg.AssetKey(["report", "index_html"])
    above = {report}
    while more := {parent for key in above for parent in graph.get(key).parent_keys} - above:
        above |= more
    line = "landing/files raw/files__support_tickets input/input_support__tickets core/fct_tickets claim/panel_customer_week"
    line += " estimates/effect_estimates claim/claim_verdict published/candidate published/snapshot"
    for key in line.split():
        assert dg.AssetKey(key.split("/")) in above, key


def test_dbt_tests_are_asset_checks_and_the_borders_block(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    names = {key.name for key in graph.asset_check_keys}
    assert any(name.startswith("unique_grain_fct_tickets") for name in names)
    borders = [key for key in graph.asset_check_keys if key.name.startswith("expectations_")]
    assert len(borders) == 11
    assert all(graph.get_check_spec(key).blocking for key in borders)


def test_a_daily_schedule_runs_the_job(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("daily_refresh")
    assert schedule.job_name == "refresh"
    assert schedule.cron_schedule == "0 5 * * *"


@pytest.fixture
def ui(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The UI as `twoway ui` starts it, on a free port and an empty home."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path / "home"
    with (tmp_path / "ui.log").open("w") as log:
        server = subprocess.Popen(
            [str(TWOWAY), "ui", "--home", str(home), "--port", str(port)],
            stdout=log,
            stderr=log,
            env=dict(os.environ),
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{port}/graphql", home
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)


def _ask(url: str, query: str, variables: dict[str, str]) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["data"]


def test_a_run_started_from_the_ui_publishes(ui: tuple[str, Path]) -> None:
    url, home = ui
    deadline = time.monotonic() + DEADLINE_SECONDS
    launched: dict[str, Any] = {}
    while time.monotonic() < deadline and launched.get("__typename") != "LaunchRunSuccess":
        time.sleep(2)
        try:
            launched = _ask(url, LAUNCH, {"job": "refresh", "location": "twoway"})["launchRun"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            continue
    assert launched.get("__typename") == "LaunchRunSuccess", launched
    status = ""
    while time.monotonic() < deadline and status not in ("SUCCESS", "FAILURE", "CANCELED"):
        time.sleep(2)
        status = _ask(url, STATUS, {"run": launched["run"]["runId"]})["runOrError"]["status"]
    assert status == "SUCCESS"
    with duckdb.connect(str(home / "published" / "twoway.duckdb"), read_only=True) as snapshot:
        verdicts = snapshot.execute("select claim_id, verdict from claim.claim_verdict order by claim_id").fetchall()
        assert verdicts == [(f"C{number}", "inconclusive") for number in range(1, 8)]
        assert snapshot.execute("select build_id from meta.build").fetchone() == (launched["run"]["runId"],)
