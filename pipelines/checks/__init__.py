"""Blocking checks at the two borders, run by Great Expectations in SQL on DuckDB."""

from pathlib import Path
from types import ModuleType

import dagster as dg

import expectations
from pipelines.assets.decide import CANDIDATE_KEY
from pipelines.settings import Settings


def border_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """One check per suite; a failure stops everything downstream, so nothing is published."""
    home = settings.paths
    incoming = [_check(suite, dg.AssetKey(["raw", suite.TABLE]), home.build) for suite in expectations.RAW]
    outgoing = [_check(suite, CANDIDATE_KEY, home.candidate) for suite in expectations.PUBLISHED]
    return [*incoming, *outgoing]


def _check(suite: ModuleType, asset: dg.AssetKey, database: Path) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name=f"expectations_{suite.SCHEMA}_{suite.TABLE}",
        blocking=True,
        description=suite.expectations.__doc__,
        required_resource_keys={"run_lock"},
    )
    def check() -> dg.AssetCheckResult:
        from expectations.runner import validate

        findings = validate(database, [suite])
        bad = [finding for finding in findings if finding.state != "passed"]
        return dg.AssetCheckResult(
            passed=not bad,
            description="; ".join(f"{f.state.replace('_', ' ')}: {f.expectation} ({f.detail})" for f in bad) or None,
            metadata={"expectations": len(findings), "failed": len(bad)},
        )

    return check
