"""Runs suites against a DuckDB file and tells failed from could-not-check."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """One expectation's result.

    Args:
        table: schema and table.
        expectation: what was expected, in words.
        state: `could_not_check` where the expectation could not be computed; it blocks like `failed`.
        detail: what was found instead.
    """

    table: str
    expectation: str
    state: Literal["passed", "failed", "could_not_check"]
    detail: str


def validate(database: Path, suites: Sequence[ModuleType]) -> list[Finding]:
    """Run the suites of some tables in SQL, read-only.

    Args:
        database: the DuckDB file.
        suites: modules with `SCHEMA`, `TABLE` and `expectations()`.

    Returns:
        A finding for each expectation.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from expectations.duckdb_datasource import DuckDBDatasource

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source: DuckDBDatasource = context.data_sources.add_duckdb(
        name="warehouse", connection_string=f"duckdb:///{database}", kwargs={"connect_args": {"read_only": True}}
    )
    findings: list[Finding] = []
    try:
        for module in suites:
            # A table asset loses its schema on this dialect.
            asset = source.add_query_asset(name=module.TABLE, query=f"select * from {module.SCHEMA}.{module.TABLE}")
            batch = asset.add_batch_definition_whole_table("whole").get_batch()
            suite = gx.ExpectationSuite(name=module.TABLE, expectations=module.expectations())
            result = batch.validate(suite)
            findings += [_finding(f"{module.SCHEMA}.{module.TABLE}", each) for each in result.results]
    finally:
        source.get_execution_engine().close()
        source.get_engine().dispose()
    return findings


def _finding(table: str, result: Any) -> Finding:
    configuration = result.expectation_config
    wanted = configuration.description or configuration.type
    raised = _raised(result.exception_info)
    if raised:
        return Finding(table, wanted, "could_not_check", raised)
    found = {key: value for key, value in result.result.items() if key in ("observed_value", "unexpected_count", "partial_unexpected_list")}
    return Finding(table, wanted, "passed" if result.success else "failed", str(found))


def _raised(info: dict[str, Any]) -> str | None:
    """The exception's message, whether the info is of the whole expectation or keyed by metric."""
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    messages = [str(entry.get("exception_message")) for entry in entries if entry.get("raised_exception")]
    return "; ".join(messages) or None
