"""Estimates, the published snapshot and the report."""

from pathlib import Path

import dagster as dg

from pipelines.estimation import estimate_claims
from pipelines.plan import load_plan
from pipelines.publishing import publish, write_candidate
from pipelines.report.render import write_report
from pipelines.settings import Settings, now
from pipelines.translator import OWNERS
from pipelines.warehouse import connect

ESTIMATES = {
    "effect_estimates": "One row per claim, specification, lever and quantity.",
    "robustness_checks": "One row per check of a claim.",
    "design_offers": "One row per claim, lever and design that was considered.",
    "sensitivity_contour": "One row per claim and hidden confounder of broadcast.",
    "event_study": "One row per measure and week before or since the change of service levels.",
}
READ = "panel_customers panel_customer_week episode_turns roster_shifts dose_turns"
READ += " broadcast_exposure exposure_customer_week lever_quantiles agent_warmth service_level_changes trials"
CLAIM_MARTS = [dg.AssetKey(["claim", name]) for name in READ.split()]
CANDIDATE_KEY = dg.AssetKey(["published", "candidate"])
SNAPSHOT_KEY = dg.AssetKey(["published", "snapshot"])


def decide_assets(settings: Settings, manifest: Path, published: list[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """Assets after the warehouse.

    Args:
        settings: the run's settings.
        manifest: dbt's manifest, for tables' descriptions.
        published: keys of the dbt assets that the snapshot carries.
    """
    home = settings.paths

    @dg.multi_asset(
        name="estimates",
        specs=[
            dg.AssetSpec(["estimates", name], group_name="estimates", owners=OWNERS, kinds={"python", "numpy"},
                         deps=CLAIM_MARTS, description=description)
            for name, description in ESTIMATES.items()
        ],
        required_resource_keys={"run_lock"},
    )  # fmt: skip
    def estimates():
        with connect(home.build, settings.memory_limit, home.temp) as connection:
            written = estimate_claims(connection, load_plan(settings.plan).plan)
        for name in ESTIMATES:
            yield dg.MaterializeResult(asset_key=["estimates", name], metadata={"dagster/row_count": getattr(written, name)})

    @dg.asset(
        key=CANDIDATE_KEY,
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb"},
        deps=published,
        description="What would be published: a compact copy of the marts, beside the snapshot and checked before it takes its place.",
        required_resource_keys={"run_lock"},
    )
    def candidate(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        rows = write_candidate(home, manifest, load_plan(settings.plan), context.run_id, now(), settings.memory_limit)
        return dg.MaterializeResult(metadata={"rows": rows, "bytes": home.candidate.stat().st_size})

    @dg.asset(
        key=SNAPSHOT_KEY,
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb"},
        deps=[CANDIDATE_KEY],
        description="The DuckDB file that people and BI tools read; replaced whole, only after every blocking check has passed.",
        required_resource_keys={"run_lock"},
    )
    def snapshot() -> dg.MaterializeResult:
        publish(home, load_plan(settings.plan), settings.memory_limit)
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(home.snapshot)})

    @dg.asset(
        key=["report", "index_html"],
        group_name="published",
        owners=OWNERS,
        kinds={"html"},
        deps=[SNAPSHOT_KEY],
        description="The verdict and what it rests on, for people.",
        required_resource_keys={"run_lock"},
    )
    def index_html() -> dg.MaterializeResult:
        write_report(home, settings)
        return dg.MaterializeResult(metadata={"path": dg.MetadataValue.path(home.report)})

    return [estimates, candidate, snapshot, index_html]
