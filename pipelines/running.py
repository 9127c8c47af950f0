"""One run of the job, as the command line starts it."""

import json
import os
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg
import duckdb
import yaml

from pipelines.assets.landing import pull_step, window_tags
from pipelines.dbt import target_folder
from pipelines.definitions import build_definitions
from pipelines.errors import shorten
from pipelines.ingest import last_attempts
from pipelines.paths import Home
from pipelines.settings import Settings, now
from pipelines.warehouse import run_lock

PUBLISHED, STOPPED, PUBLISHED_STALE = 0, 1, 4
MOST_ROWS_SHOWN = 3


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Args:
        exit_code: 0 published, 1 nothing published, 4 published with a stale source.
        messages: what went wrong, one thing a line.
    """

    exit_code: int
    messages: list[str]


def run_refresh(
    settings: Settings, as_of: str | None, show_progress: bool, full_refresh: bool = False, since: datetime | None = None
) -> RunResult:
    """Execute the job `refresh` in this process and record it in the home's Dagster instance.

    Args:
        settings: of the run.
        as_of: the instant that the run looks from; now, where None.
        show_progress: whether the terminal shows a line for each step.
        full_refresh: whether everything is computed anew.
        since: the day from which source systems are read again.

    Raises:
        LockedError: another run works in this home.
    """
    home = settings.paths
    with run_lock(home):
        home.prepare()
        os.environ["DAGSTER_HOME"] = str(home.dagster)
        write_instance_config(settings)
        job = build_definitions(settings).resolve_job_def("refresh")
        ops = {"raw_tables": {"config": {"as_of": as_of}}, "warehouse": {"config": {"full_refresh": full_refresh}}}
        if since is not None:
            ops |= {pull_step(source.source_id): {"config": {"since": since.isoformat()}} for source in settings.api_sources()}
        config = {"loggers": {"progress" if show_progress else "silent": {}}, "ops": ops}
        log = home.logs / "run.log"
        with dg.DagsterInstance.get() as instance, log.open("w") as file, redirect_stdout(file):
            tags = window_tags(settings, now())
            result = job.execute_in_process(run_config=config, instance=instance, raise_on_error=False, tags=tags)
        stale = [attempt for attempt in last_attempts(settings) if attempt.error is not None]
        if result.success:
            messages = [f"source {attempt.source_id} is stale:\n{attempt.error}" for attempt in stale]
            return RunResult(PUBLISHED_STALE if stale else PUBLISHED, messages)
        return RunResult(STOPPED, _failures(result, home))


def write_instance_config(settings: Settings) -> None:
    """Dagster's own settings of this home: no telemetry, no sign-up window, one run at a time, one event log file."""
    events = {
        "module": "pipelines.event_log",
        "class": "OneEngineEventLog",
        "config": {"base_dir": str(settings.paths.dagster / "history")},
    }
    config = {
        "telemetry": {"enabled": False},
        "nux": {"enabled": False},
        "freshness": {"enabled": True},
        "concurrency": {"runs": {"max_concurrent_runs": 1}},
        "event_log_storage": events,
    }
    (settings.paths.dagster / "dagster.yaml").write_text(yaml.safe_dump(config))


def _failures(result: dg.ExecuteInProcessResult, home: Home) -> list[str]:
    """The cause of each failed step and the description of each failed check, without stack traces."""
    messages: list[str] = []
    for event in result.all_events:
        data: Any = event.event_specific_data
        if event.event_type_value == "ASSET_CHECK_EVALUATION" and not data.passed and data.check_name.startswith("expectations_"):
            messages.append(f"{'.'.join(data.asset_key.path)}: {data.description or data.check_name}")
        elif event.event_type_value == "STEP_FAILURE":
            if event.step_key in ("warehouse", "verdicts"):
                messages += dbt_failures(home)
                continue
            error = data.error
            while error is not None and error.cause is not None:
                error = error.cause
            if error is not None and error.cls_name != "DagsterAssetCheckFailedError":
                messages.append(_plain(error.message))
    return list(dict.fromkeys(messages)) or ["The run failed; see the run in `twoway ui` for its log."]


def dbt_failures(home: Home) -> list[str]:
    """What dbt says of the models and tests that failed in its last invocation, with rows that broke a test."""
    results = target_folder(home) / "run_results.json"
    if not results.exists():
        return [f"dbt did not start. Its output is in {home.logs / 'run.log'}."]
    failed = [each for each in json.loads(results.read_text())["results"] if each["status"] in ("error", "fail")]
    messages = []
    for each in failed:
        kind, _, name = each["unique_id"].split(".")[:3]
        found = " ".join(each["message"].split())
        if kind == "test" and each["status"] == "fail":
            found = "; ".join(_offending_rows(home, each["compiled_code"]))
        messages.append(f"dbt {kind} {name} failed: {found}")
    return messages


def _offending_rows(home: Home, query: str) -> list[str]:
    with duckdb.connect(str(home.build), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description or []]
        rows = cursor.fetchmany(MOST_ROWS_SHOWN)
    return [", ".join(f"{name} {shorten(str(value))}" for name, value in zip(names, row, strict=True)) for row in rows]


def _plain(message: str) -> str:
    """An exception's message without the class's name that Dagster puts before it."""
    head, _, rest = message.strip().partition(": ")
    return rest if rest and head.replace(".", "").isidentifier() else message.strip()
