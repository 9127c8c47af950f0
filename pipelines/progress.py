"""What the terminal shows while a run works, and what a failed run says."""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from pipelines.assets.landing import FRESH

TITLES = {
    "landing__files": "land the input files",
    "raw_tables": "load the raw layer",
    "warehouse": "build and test the warehouse (dbt)",
    "estimates": "estimate",
    "verdicts": "decide (dbt)",
    "published__candidate": "write the snapshot",
    "published__snapshot": "publish",
    "report__index_html": "write the report",
}


class ProgressHandler(logging.Handler):
    """Prints a line when a step of the run ends, and now and then how far a source system is.

    Args:
        write: prints a line.
        seconds_between: the least between two lines on how far a source is.
    """

    def __init__(self, write: Callable[[str], None], seconds_between: float = 15.0) -> None:
        super().__init__()
        self.write = write
        self.seconds_between = seconds_between
        self.last_told = 0.0
        self.started: dict[str, float] = {}
        self.stale: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event: Any = meta.get("dagster_event")
        if event is None and (meta.get("step_key") or "").startswith("landing__"):
            self._tell(meta["orig_message"])
        if event is None or event.step_key is None:
            return
        title = TITLES.get(event.step_key) or event.step_key.split("expectations_")[-1].replace("_", " ", 1)
        if title.startswith("landing "):
            title = f"pull {title.removeprefix('landing').strip(' _')}"
        if "expectations_" in event.step_key:
            title = f"check {title.replace('__', ' ')}"
        if event.event_type_value == "STEP_START":
            self.started[event.step_key] = time.monotonic()
        elif event.event_type_value == "ASSET_CHECK_EVALUATION" and event.event_specific_data.check_name == FRESH:
            if not event.event_specific_data.passed:
                self.stale.add(event.step_key)
        elif event.event_type_value in ("STEP_SUCCESS", "STEP_FAILURE"):
            seconds = time.monotonic() - self.started.get(event.step_key, time.monotonic())
            mark = "stale" if event.step_key in self.stale else "ok"
            mark = mark if event.event_type_value == "STEP_SUCCESS" else "FAILED"
            self.write(f"  {title:<52} {mark:>6} {seconds:6.1f} s")

    def _tell(self, message: str) -> None:
        started = max(self.started.values(), default=time.monotonic())
        if time.monotonic() - max(self.last_told, started) >= self.seconds_between:
            self.last_told = time.monotonic()
            self.write(f"    {message}")


@dg.logger(config_schema={}, description="One line on the terminal for each step that ends.")
def progress(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("twoway.progress", level=logging.DEBUG)
    logger.addHandler(ProgressHandler(lambda line: print(line, file=sys.stderr, flush=True)))
    return logger


@dg.logger(config_schema={}, description="Nothing on the terminal.")
def silent(_: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("twoway.silent")
    logger.addHandler(logging.NullHandler())
    return logger
